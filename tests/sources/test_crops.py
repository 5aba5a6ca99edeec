"""Ready-made crops: small ones whose answers are written here, and the public ones."""

import json
import time
import zipfile

import index_and_views
import numpy as np
import pandas as pd
import pytest
from index_and_views import found
from shared_data import SHARED_DATA, needs_shared_data

from lungml.errors import InputError
from lungml.imaging.store import read_store
from lungml.labels import policy_table
from lungml.params.data import ConsensusParams, CtParams, LabelParams, ViewsParams
from lungml.quarantine import RefusedError
from lungml.sources.crop_files import read_archive
from lungml.stages import index, views
from lungml.tables import CROPS, NODULES, read_table
from lungml.terms import View


def crop_hu(seed, side_px=21):
    """A ball of about 50 HU in lung."""
    y, x = np.indices((side_px, side_px)) - side_px // 2
    noise = np.random.default_rng(seed).integers(-20, 21, (side_px, side_px))
    return (np.where(np.hypot(y, x) < 5, 50, -850) + noise).astype(np.int16)


def crop_folder(folder, rows, ids=None, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "nodules.csv", index=False)
    ids = [row["nodule_id"] for row in rows] if ids is None else ids
    hu = np.stack([crop_hu(number) for number, _ in enumerate(ids)])
    np.savez_compressed(folder / "nodules.npz", **{"hu": hu, "nodule_id": np.array(ids)} | arrays)


def row(number, **changes):
    plain = {
        "nodule_id": number,
        "patient_id": f"P{number}",
        "pixel_spacing_mm": 0.7,
        "series_uid": f"1.2.{number}",
    }
    return plain | {"r1": 4, "r2": 0, "r3": 5, "r4": 0, "diameter_mm": 7.0} | changes


def indexed(root):
    return index_and_views.indexed(root, CROPS)


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


@pytest.mark.parametrize(
    "arrays",
    [
        {"hu": np.zeros((2, 9, 9), np.float32)},
        {"hu": np.zeros((2, 81), np.int16)},
        {"hu": np.zeros((3, 9, 9), np.int16)},
        {"nodule_id": np.array([1, 1])},
        {"hu": np.array([{"a": 1}], dtype=object)},
        {"hu": np.zeros((2, 0, 9), np.int16)},
    ],
    ids=["type", "axes", "length", "ids", "pickle", "empty"],
)
def test_an_archive_of_something_else_is_refused(tmp_path, arrays):
    crop_folder(tmp_path / "raw", [row(1), row(2)], **arrays)

    with pytest.raises(InputError, match=r"(?s)no series.*can be used.*LM-L017"):
        indexed(tmp_path)


@pytest.mark.parametrize("member", ["hu", "hu.npy", "nodule_id.npy"])
def test_an_archive_of_bytes_that_are_no_array_is_refused(tmp_path, member):
    crop_folder(tmp_path / "raw", [row(1), row(2)])
    path = tmp_path / "raw" / "nodules.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if not name.startswith(member)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | {member: bytes(2 * 21 * 21 * 2)}).items():
            archive.writestr(name, data)

    with pytest.raises(RefusedError, match=r"LM-D060 nodules\.npz"):
        read_archive(path.parent, path.name)
    with pytest.raises(InputError, match=r"(?s)no series.*can be used.*LM-L017"):
        indexed(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("lungml.array_files.MAX_BYTES", 1 << 20)
    crop_folder(tmp_path / "raw", [row(1)])
    np.savez_compressed(tmp_path / "raw" / "bomb.npz", hu=np.zeros((2, 1 << 10, 1 << 10), np.int16))

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert "GiB" in found(tmp_path)["LM-L017"]


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
