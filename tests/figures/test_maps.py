import dataclasses

import numpy as np
import pytest

from lungml.figures.maps import Picture, case_figure, gallery_figure

MASK = np.zeros((32, 32), dtype=bool)
MASK[10:20, 12:22] = True
PICTURE = Picture(
    image_hu=np.full((32, 32), -800, dtype=np.int16),
    mask=MASK,
    map=MASK.astype(np.float32),
    window_hu=(-1000.0, 400.0),
    pixel_spacing_mm=1.5,
    title="nodule-binary, wrong",
    truth="malignant",
    answer="benign (0.91)",
    caption="80% of the map lies in the nodule.",
)


def test_a_case_says_what_readers_and_model_say():
    words = words_of(case_figure(PICTURE))

    assert "readers: malignant; model: benign (0.91)" in words
    assert PICTURE.caption in words


def test_the_ct_is_shown_in_its_window_and_the_map_over_it():
    plain, mapped = case_figure(PICTURE).axes

    assert plain.images[0].get_clim() == (-1000.0, 400.0)
    assert len(plain.images) == 1
    assert len(mapped.images) == 2


@pytest.mark.parametrize(("spacing_mm", "length_mm"), [(1.5, 10), (10.0, 50)])
def test_the_scale_bar_is_as_long_as_it_says(spacing_mm, length_mm):
    plain, _ = case_figure(dataclasses.replace(PICTURE, pixel_spacing_mm=spacing_mm)).axes

    (bar,) = plain.get_lines()
    assert np.ptp(bar.get_xdata()) * spacing_mm == pytest.approx(length_mm)
    assert f"{length_mm} mm" in [text.get_text() for text in plain.texts]


def test_a_dashed_box_goes_around_the_nodule_and_says_its_size():
    wide = MASK.copy()
    wide[10:20, 4:30] = True

    for axes in case_figure(dataclasses.replace(PICTURE, mask=wide)).axes:
        (box,) = axes.patches
        assert box.get_bbox().extents.tolist() == [3.5, 9.5, 29.5, 19.5]
        assert "39 x 15 mm" in [text.get_text() for text in axes.texts]  # 26 by 10 pixels of 1.5 mm


def test_a_view_without_the_nodule_has_no_box():
    plain, _ = case_figure(dataclasses.replace(PICTURE, mask=np.zeros_like(MASK))).axes

    assert not plain.patches


def test_a_map_that_is_not_trustworthy_says_so_on_every_picture():
    warned = dataclasses.replace(PICTURE, warning="not trustworthy")
    cells = {("benign", "correct"): [warned, warned], ("benign", "wrong"): []}

    _, mapped = case_figure(warned).axes
    gallery = gallery_figure(cells, "nodule-binary", warning="not trustworthy")

    assert "not trustworthy" in [text.get_text() for text in mapped.texts]
    shown = [[text.get_text() for text in axes.texts] for axes in gallery.axes if axes.images]
    assert [texts.count("not trustworthy") for texts in shown] == [1, 1]
    assert gallery.get_suptitle() == "nodule-binary: not trustworthy"


def test_an_empty_map_is_called_empty():
    empty = dataclasses.replace(PICTURE, map=np.zeros((32, 32), dtype=np.float32))

    _, mapped = case_figure(empty).axes

    assert "empty map" in [text.get_text() for text in mapped.texts]
    assert len(mapped.images) == 1


def test_the_gallery_names_what_is_missing():
    cells = {("benign", "correct"): [PICTURE, PICTURE], ("benign", "wrong"): []}

    figure = gallery_figure(cells, "nodule-binary")

    assert "no wrong case" in [text.get_text() for axes in figure.axes for text in axes.texts]
    assert figure.axes[0].get_ylabel() == "readers: benign"
    assert [len(axes.images) for axes in figure.axes] == [2, 2, 0, 0]


def words_of(figure):
    return "\n".join(text.get_text() for text in figure.texts) + "\n" + (figure._supxlabel.get_text() or "")
