"""Ready-made crops: small ones whose answers are written here, and the public ones."""

import json
import time

import index_and_views
import numpy as np
import pytest
from crop_archives import crop_folder, crop_hu, indexed, row
from index_and_views import found
from shared_data import SHARED_DATA, needs_shared_data

from lungml.errors import InputError
from lungml.imaging.store import read_store
from lungml.labels import policy_table
from lungml.params.data import ConsensusParams, CtParams, LabelParams, ViewsParams
from lungml.stages import index, views
from lungml.tables import NODULES, read_table
from lungml.terms import View


def cut(root, view=View.NODULE, **how):
    return index_and_views.cut(root, view, **how)


def test_each_crop_has_its_own_figures_under_the_name_of_its_nodule(tmp_path):
    same = {"series_uid": "1.2.9", "patient_id": "P1"}
    crop_folder(
        tmp_path / "raw",
        [row(1, **same), row(2, **same), row(3)],
        hu=np.stack([crop_hu(1), crop_hu(2) + np.int16(1024), crop_hu(3)]),
    )

    crops = indexed(tmp_path)["crops"].set_index("nodule_id")

    assert crops["series_uid"].to_dict() == {"P1-1": "1.2.9", "P1-2": "1.2.9", "P3-3": "1.2.3"}
    assert crops["middle_hu"].to_list() == pytest.approx([50, 1074, 50], abs=10)
    assert crops["hu_p05"].to_list() == pytest.approx([-868, 156, -868], abs=5)


def test_a_crop_is_a_nodule_with_its_readers_scores(tmp_path):
    scanner = {"manufacturer": "MAKER", "kernel": "B30f", "slice_thickness_mm": 1.25}
    crop_folder(tmp_path / "raw", [row(1, **scanner), row(2, r1=0, r3=0, diameter_mm="")])

    tables = indexed(tmp_path)

    assert tables["series"]["form"].tolist() == ["crop", "crop"]
    assert tables["series"].iloc[0][list(scanner)].tolist() == ["MAKER", "B30f", 1.25]
    assert tables["slices"].empty
    nodules = tables["nodules"].set_index("nodule_id")
    assert list(nodules.index) == ["P1-1", "P2-2"]
    assert nodules["crop_path"].tolist() == ["nodules.npz#0", "nodules.npz#1"]
    assert [list(scores) for scores in nodules["scores"]] == [[4, 5], []]
    assert nodules["n_readers"].tolist() == [2, 1]
    assert sorted(tables["readings"]["malignancy"]) == [0, 4, 5]
    assert nodules["diameter_mm"].tolist() == pytest.approx([7.0, np.nan], nan_ok=True)
    summary = json.loads((tmp_path / "index" / "summary.json").read_text())
    assert (summary["sources"], summary["patients_inferred"]) == (["ready-made crops"], False)


def test_padding_of_a_crop_is_air(tmp_path):
    hu = crop_hu(0)
    hu[:3] = -3024
    crop_folder(tmp_path / "raw", [row(1)], hu=hu[None])

    series = indexed(tmp_path)["series"].iloc[0]
    store = cut(tmp_path, size_px=21, nodule_field_of_view_mm=21 * 0.7)

    assert (store.images_hu[0, 0, :3] == -1000).all()
    assert series["hu_min"] == -1000
    assert np.isnan(series[["air_mode_hu", "lung_mode_hu", "tissue_mode_hu"]].astype(float)).all()


def test_the_view_is_the_crop_with_its_disc(tmp_path):
    crop_folder(tmp_path / "raw", [row(1), row(2, diameter_mm="")])
    indexed(tmp_path)

    store = cut(tmp_path, size_px=21, nodule_field_of_view_mm=21 * 0.7)

    assert np.array_equal(store.images_hu[:, 0], [crop_hu(0), crop_hu(1)])
    assert store.masks[0].sum() == pytest.approx(np.pi * 5**2, rel=0.15)
    assert (crop_hu(0)[store.masks[0]] > 0).all()
    assert not store.masks[1].any()


def test_crops_without_spacing_need_pad_and_resize(tmp_path):
    crop_folder(tmp_path / "raw", [row(1, pixel_spacing_mm="")])
    indexed(tmp_path)

    with pytest.raises(InputError, match="pad-and-resize"):
        cut(tmp_path)

    assert cut(tmp_path, geometry="pad-and-resize").images_hu.shape == (1, 1, 32, 32)


def test_crops_have_no_slice_view(tmp_path):
    crop_folder(tmp_path / "raw", [row(1), row(2)])
    indexed(tmp_path)

    with pytest.raises(InputError, match=r"2 of 2 series are ready-made crops.*scope in params.yaml"):
        cut(tmp_path, View.SLICE)


def test_a_single_score_or_a_label_serves_as_well(tmp_path):
    rows = [{"nodule_id": n, "patient_id": f"P{n}", "pixel_spacing_mm": 0.7} for n in "ab"]
    crop_folder(
        tmp_path / "raw", [rows[0] | {"malignancy": 3, "label": 1}, rows[1] | {"malignancy": "", "label": 0}]
    )

    nodules = indexed(tmp_path)["nodules"]

    assert [list(scores) for scores in nodules["scores"]] == [[3], []]
    assert nodules["label"].tolist() == [1, 0]
    assert nodules["series_uid"].nunique() == 2


def test_every_bad_row_is_listed_and_the_rest_is_used(tmp_path):
    rows = [
        row(1),
        row(2, patient_id=""),
        row(3, r1=7),
        row(4, r1="x"),
        row(5, pixel_spacing_mm=0),
        row(6),
        row(7, series_uid="1.2.1", patient_id="P1", pixel_spacing_mm=0.9),
        row(1),
    ]
    crop_folder(tmp_path / "raw", rows, ids=[1, 2, 3, 4, 5, 7])

    nodules = indexed(tmp_path)["nodules"]

    assert nodules["nodule_id"].tolist() == ["P1-1"]
    said = found(tmp_path)
    assert said["LM-L009"] == "row 3"
    assert (
        said["LM-L006"]
        == "r1 7 in row 4; pixel_spacing_mm 0.0 in row 6; pixel_spacing_mm is not that of row 2 in row 8"
    )
    assert said["LM-L005"] == "r1: a word in row 5"
    assert said["LM-L017"] == "no crop of this nodule_id in row 7"
    assert said["LM-L008"] == "as row 2 in row 9"


def test_a_crop_with_two_answers_stops(tmp_path):
    crop_folder(tmp_path / "raw", [row(1), row(1, r1=1)], ids=[1])

    with pytest.raises(InputError, match="LM-L003"):
        indexed(tmp_path)


def test_a_series_of_two_patients_stops(tmp_path):
    crop_folder(tmp_path / "raw", [row(1, series_uid="1.2"), row(2, series_uid="1.2")])

    with pytest.raises(InputError, match="LM-L011"):
        indexed(tmp_path)


@needs_shared_data
def test_the_public_crops_give_their_published_counts(tmp_path):
    index.run(CtParams(), ConsensusParams(), raw=SHARED_DATA / "lidc_crops", out=tmp_path / "index")

    nodules = read_table(tmp_path / "index" / "nodules.parquet", NODULES)
    assert (len(nodules), nodules["patient_id"].nunique()) == (1902, 607)
    (policy,) = policy_table(nodules, {"published": LabelParams(aggregation="mode-or-mean")})
    assert list(policy["classes"].values()) == [238, 407, 844, 241, 172]


@needs_shared_data
@pytest.mark.slow
def test_views_of_the_public_crops_are_cut_in_less_than_a_minute(tmp_path):
    raw = SHARED_DATA / "lidc_crops"
    index.run(CtParams(), ConsensusParams(), raw=raw, out=tmp_path / "index")
    start = time.perf_counter()

    views.run(
        CtParams(), ConsensusParams(), ViewsParams(), view=View.NODULE, raw=raw, index=tmp_path / "index",
        out=tmp_path / "views",
    )  # fmt: skip

    assert time.perf_counter() - start < 60
    assert read_store(tmp_path / "views").images_hu.shape == (1902, 1, 96, 96)
