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


def test_an_empty_map_is_called_empty():
    empty = dataclasses.replace(PICTURE, map=np.zeros((32, 32), dtype=np.float32))

    _, mapped = case_figure(empty).axes

    assert [text.get_text() for text in mapped.texts] == ["empty map"]
    assert len(mapped.images) == 1


def test_the_gallery_names_what_is_missing():
    cells = {("benign", "correct"): [PICTURE, PICTURE], ("benign", "wrong"): []}

    figure = gallery_figure(cells, "nodule-binary")

    assert "no wrong case" in [text.get_text() for axes in figure.axes for text in axes.texts]
    assert figure.axes[0].get_ylabel() == "readers: benign"
    assert [len(axes.images) for axes in figure.axes] == [2, 2, 0, 0]


def words_of(figure):
    return "\n".join(text.get_text() for text in figure.texts) + "\n" + (figure._supxlabel.get_text() or "")
