"""Rows of the seed study's sheet over their images; answers are those of the files that were written."""

import json

import numpy as np
import pytest
from index_and_views import cut, found, indexed
from seed_files import SLICE_PX, full_slice, seed_folder, write_book, write_pair
from volume_files import write_picture, write_volume

from lungml.errors import InputError
from lungml.quarantine import read_findings
from lungml.sources.seed_rows import locate
from lungml.terms import View


def test_a_row_is_a_slice_and_a_nodule_in_its_place(tmp_path):
    seed_folder(tmp_path / "raw")

    tables = indexed(tmp_path)

    assert tables["series"]["form"].tolist() == ["slice"] * 5
    assert (tables["series"][["n_slices", "rows", "columns"]] == (1, *SLICE_PX)).all(axis=None)
    nodules = tables["nodules"].sort_values("nodule_id")
    assert [list(scores) for scores in nodules["scores"]] == [[1], [2], [3], [4], [5]]
    assert nodules["crop_path"].tolist() == [f"pat{n}_nodule.nrrd" for n in range(1, 6)]
    assert (nodules[["y_index", "x_index"]] == (45.5, 54.5)).all(axis=None)  # rows 40 to 51, columns 50 to 59
    assert nodules["diameter_mm"].tolist() == pytest.approx([12 * 0.7] * 5)
    assert sorted(tables["slices"]["path"]) == [f"pat{n}_fullslice.nrrd" for n in range(1, 6)]


def test_the_summary_says_that_patients_are_inferred(tmp_path):
    seed_folder(tmp_path / "raw")

    nodules = indexed(tmp_path)["nodules"]

    summary = json.loads((tmp_path / "index" / "summary.json").read_text())
    assert (summary["patients_inferred"], summary["sources"]) == (True, ["seed sheet"])
    assert sorted(nodules["nodule_id"]) == [f"group-000{n}-pat{n}" for n in range(1, 6)]
    assert "LM-L020" in found(tmp_path)


def test_nodules_of_one_slice_are_of_one_series_and_patient(tmp_path):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    rows.append((*write_pair(tmp_path / "raw", "pat3", 1, (slice(20, 28), slice(20, 30))), 5))
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", rows)

    tables = indexed(tmp_path)

    assert len(tables["series"]) == 2
    patients = tables["nodules"].set_index("crop_path")["patient_id"]
    assert patients["pat1_nodule.nrrd"] == patients["pat3_nodule.nrrd"] != patients["pat2_nodule.nrrd"]
    assert found(tmp_path)["LM-L019"] == "as row 2 in row 4"


def test_a_nearly_equal_slice_is_of_the_same_patient(tmp_path):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    noisy = full_slice(1) + np.random.default_rng(5).integers(-10, 11, SLICE_PX).astype(np.int16)
    write_picture(tmp_path / "raw" / "pat3_fullslice.nrrd", noisy, (0.7, 0.7))
    write_picture(tmp_path / "raw" / "pat3_nodule.nrrd", noisy[10:30, 10:30].copy(), (0.7, 0.7))
    write_book(
        tmp_path / "raw" / "dataset_lung.xlsx", [*rows, ("pat3_fullslice.nrrd", "pat3_nodule.nrrd", 3)]
    )

    tables = indexed(tmp_path)

    assert len(tables["series"]) == 3
    assert tables["nodules"]["patient_id"].value_counts().tolist() == [2, 1]


def test_both_views_are_cut_from_their_own_files(tmp_path):
    seed_folder(tmp_path / "raw", classes=(1, 2))
    indexed(tmp_path)

    nodule = cut(tmp_path, View.NODULE, nodule_field_of_view_mm=7.0)
    slices = cut(tmp_path, View.SLICE, geometry="pad-and-resize")

    crop = full_slice(1)[40:52, 50:60]
    assert nodule.images_hu[0, 0].mean() == pytest.approx(crop[1:11].mean(), abs=15)
    assert 0.5 < nodule.masks[0].mean() < 0.9  # an ellipse in its box
    middle = full_slice(1)[23:73, 25:75]
    assert slices.images_hu[0, 0, 8:24, 8:24].mean() == pytest.approx(middle.mean(), abs=30)
    y, x = np.argwhere(slices.masks[0]).mean(axis=0) * 100 / 32
    assert (y - 2, x) == pytest.approx((45.5, 54.5), abs=2)


def test_pixels_of_unknown_size_need_pad_and_resize(tmp_path):
    seed_folder(tmp_path / "raw", classes=(1, 2), spacing_mm=None)
    tables = indexed(tmp_path)

    with pytest.raises(InputError, match=r"set views\.geometry: pad-and-resize"):
        cut(tmp_path, View.NODULE)
    stores = [cut(tmp_path, view, geometry="pad-and-resize") for view in View]

    assert tables["series"]["spacing_y_mm"].isna().all()
    assert tables["nodules"]["diameter_mm"].isna().all()
    assert [store.images_hu.shape for store in stores] == [(2, 1, 32, 32)] * 2
    assert stores[1].items["pixel_spacing_mm"].isna().all()


def test_an_image_in_no_row_is_named(tmp_path):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2, 3))
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", rows[:2])

    indexed(tmp_path)

    findings = read_findings(tmp_path / "index" / "quarantine.jsonl")
    left_out = [item.path for item in findings if item.code == "LM-L018"]
    assert left_out == ["pat3_fullslice.nrrd", "pat3_nodule.nrrd"]


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (np.zeros((1, 1), np.int16), "LM-D062"),
        (np.full((9, 9), 40, np.int16), "LM-D066"),
        (np.arange(81, dtype=np.uint8).reshape(9, 9), "LM-D061"),
        (np.full((9, 9), np.nan, np.float32), "LM-D063"),
        (np.arange(81, dtype=np.int16).reshape(9, 9) * 300, "LM-D025"),
    ],
    ids=["1 x 1", "constant", "8 bits", "NaN", "no HU"],
)
def test_a_nodule_image_that_is_none_sets_its_row_aside(tmp_path, picture, code):
    seed_folder(tmp_path / "raw", classes=(1, 2))
    write_picture(tmp_path / "raw" / "pat1_nodule.nrrd", picture, (0.7, 0.7))

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert {code, "LM-L017"} <= set(found(tmp_path))


def test_an_empty_file_and_a_volume_set_their_rows_aside(tmp_path):
    seed_folder(tmp_path / "raw", classes=(1, 2, 3))
    (tmp_path / "raw" / "pat1_fullslice.nrrd").write_bytes(b"")
    write_volume(tmp_path / "raw" / "pat2_fullslice.nrrd", np.stack([full_slice(2)] * 4))

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert found(tmp_path)["LM-L017"] == "LM-D060 in row 2; LM-D062 in row 3"


def test_a_nodule_of_another_slice_is_noted(tmp_path):
    seed_folder(tmp_path / "raw", classes=(1, 2))
    write_picture(tmp_path / "raw" / "pat1_nodule.nrrd", full_slice(7)[30:42, 30:44].copy(), (0.7, 0.7))

    tables = indexed(tmp_path)
    store = cut(tmp_path, View.NODULE)

    assert found(tmp_path)["LM-L021"] == "row 2"
    row = tables["nodules"].set_index("crop_path").loc["pat1_nodule.nrrd"]
    assert np.isnan([row["y_index"], row["x_index"]]).all()
    assert not store.masks[0].any()
    assert store.masks[1].any()


def test_a_part_is_located_where_it_is_and_nowhere_else():
    image = np.random.default_rng(0).integers(-5, 5, (40, 50)).astype(np.int16)

    assert locate(image[7:19, 30:41], image) == (7, 30)
    assert locate(image, image) == (0, 0)
    assert locate(image[7:19, 30:41] + 100, image) is None
    assert locate(np.pad(image, 1), image) is None
    assert locate(np.zeros((2, 2), np.int16), np.zeros((9, 9), np.int16)) is None  # in many places
