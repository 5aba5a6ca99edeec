from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungml.ct.write import PixelStorage, PlaneHeader, SeriesHeader, to_stored, write_series
from lungml.errors import InputError
from lungml.files import sha256_file, write_json
from lungml.imaging.store import read_store
from lungml.params.data import ConsensusParams, CtParams, ViewsParams
from lungml.stages.views import run
from lungml.tables import CONTOURS, NODULES, READINGS, SERIES, SLICES, Table, read_table, write_table
from lungml.terms import View

N_PLANES, RADIUS_MM, CENTRE_MM = 7, 6.0, (30.0, 40.0)
SPACINGS_MM = {"1.1": (1.0, 1.0), "1.2": (0.5, 0.8)}
"""Series -> (y, x) spacing of its pixels."""


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """Two series with a ball of 50 HU in lung of -850 HU, their files numbered from the head down."""
    root = tmp_path_factory.mktemp("cohort")
    rows: dict[str, list[dict]] = {
        name: [] for name in ("series", "slices", "readings", "contours", "nodules")
    }
    for uid in SPACINGS_MM:
        _write_ball(root / "raw" / uid, uid)
        _add_rows(rows, uid)
    for table in (SERIES, SLICES, READINGS, CONTOURS, NODULES):
        write_table(root / "index" / f"{table.name}.parquet", _frame(rows[table.name], table), table)
    write_json(root / "index/summary.json", {"data_sha256": "ab" * 32})
    return root


def test_the_nodule_view_shows_the_ball_in_the_middle_whatever_the_spacing(cohort, tmp_path):
    store = cut(cohort, tmp_path / "out", View.NODULE)

    pixel_mm = 50 / 64
    assert store.items["nodule_id"].tolist() == ["n-1.1", "n-1.2"]
    assert store.images_hu.shape == (2, 1, 64, 64)
    for image, mask in zip(store.images_hu[:, 0], store.masks, strict=True):
        assert image[31:33, 31:33] == pytest.approx(50, abs=1)
        assert (image > -400).sum() * pixel_mm**2 == pytest.approx(np.pi * RADIUS_MM**2, rel=0.1)
        assert mask.sum() * pixel_mm**2 == pytest.approx(np.pi * RADIUS_MM**2, rel=0.15)


def test_the_slice_view_shows_the_ball_in_its_place(cohort, tmp_path):
    store = cut(cohort, tmp_path / "out", View.SLICE)

    height_px, width_px = 80, 96
    for uid, image in zip(SPACINGS_MM, store.images_hu[:, 0], strict=True):
        middle_mm = np.multiply(((height_px - 1) / 2, (width_px - 1) / 2), SPACINGS_MM[uid])
        expected_px = (np.array(CENTRE_MM) - middle_mm) / (360 / 64) + 31.5
        assert np.unravel_index(image.argmax(), image.shape) == pytest.approx(expected_px, abs=0.8)
    assert store.items["pixel_spacing_mm"].tolist() == pytest.approx([360 / 64] * 2)


def test_the_store_says_what_it_was_made_from(cohort, tmp_path):
    store = cut(cohort, tmp_path / "out", View.NODULE)

    assert store.info["view"] == "nodule"
    assert store.info["data_sha256"] == "ab" * 32
    assert store.info["params"]["nodule_field_of_view_mm"] == 50.0
    assert store.items["z_index"].tolist() == [3, 3]
    assert store.items["series_uid"].tolist() == ["1.1", "1.2"]


def test_own_workers_and_those_of_dask_give_the_same_bytes(cohort, tmp_path, monkeypatch):
    from distributed import LocalCluster

    for number in ("1", "2"):
        monkeypatch.setenv("LUNGML_WORKERS", number)
        cut(cohort, tmp_path / number, View.SLICE)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        monkeypatch.setenv("LUNGML_DASK", cluster.scheduler_address)
        cut(cohort, tmp_path / "dask", View.SLICE)
        done = sum(each.state_counts["memory"] for each in cluster.scheduler.task_prefixes.values())

    assert done == len(SPACINGS_MM)
    names = ["images.npy", "items.parquet", "masks.npy", "store.json"]
    for made in ("1", "2", "dask"):
        assert sorted(path.name for path in (tmp_path / made).iterdir()) == names
        for name in names:
            assert sha256_file(tmp_path / made / name) == sha256_file(tmp_path / "1" / name)


def test_the_centre_plane_is_the_one_next_to_the_centre(cohort, tmp_path):
    store = cut(cohort, tmp_path / "out", View.NODULE, plane="centre")

    assert store.items["z_index"].tolist() == [2, 2]


def test_neighbours_are_the_planes_at_their_distance(cohort, tmp_path):
    store = cut(cohort, tmp_path / "out", View.NODULE, channels="neighbours", neighbour_distance_mm=2.0)

    pixel_mm = 50 / 64
    areas_mm2 = (store.images_hu > -400).sum(axis=(2, 3)) * pixel_mm**2
    radii_mm2 = RADIUS_MM**2 - np.array([2.0, 0.0, 2.0]) ** 2  # planes 1, 3 and 5 of a ball around plane 3
    assert areas_mm2 == pytest.approx(np.tile(np.pi * radii_mm2, (2, 1)), rel=0.1)
    assert (areas_mm2[:, 1] > areas_mm2[:, 0]).all()


@pytest.mark.parametrize(("plane", "other"), [(0, 2), (N_PLANES - 1, N_PLANES - 3)])
def test_at_the_end_of_a_volume_both_neighbours_are_the_one_there_is(cohort, tmp_path, plane, other):
    nodules = read_table(cohort / "index" / "nodules.parquet", NODULES)
    images = {}
    for name, shown, channels in (("end", plane, "neighbours"), ("alone", other, "single")):
        shutil.copytree(cohort / "index", tmp_path / name / "index")
        moved = nodules.assign(largest_z_index=np.int32(shown))
        write_table(tmp_path / name / "index" / "nodules.parquet", moved, NODULES)
        (tmp_path / name / "raw").symlink_to(cohort / "raw")
        params = {"channels": channels, "neighbour_distance_mm": 2.0}
        images[name] = cut(tmp_path / name, tmp_path / name / "out", View.SLICE, **params).images_hu

    for channel in (0, 2):
        assert np.array_equal(images["end"][:, channel], images["alone"][:, 0])
    assert not np.array_equal(images["end"][:, 1], images["alone"][:, 0])


def test_an_index_without_nodules_is_refused(cohort, tmp_path):
    for table in (SERIES, SLICES, READINGS, CONTOURS, NODULES):
        write_table(tmp_path / f"{table.name}.parquet", _frame([], table), table)

    with pytest.raises(InputError, match="has no nodule"):
        run(
            CtParams(),
            ConsensusParams(),
            ViewsParams(),
            view=View.NODULE,
            raw=cohort,
            index=tmp_path,
            out=tmp_path / "out",
        )


def cut(cohort: Path, out: Path, view: View, plane="largest", **how):
    params = ViewsParams(size_px=64, plane=plane, **how)
    run(CtParams(), ConsensusParams(), params, view=view, raw=cohort / "raw", index=cohort / "index", out=out)
    return read_store(out)


def _write_ball(folder: Path, uid: str) -> None:
    spacing_mm = SPACINGS_MM[uid]
    z, y, x = np.indices((N_PLANES, 80, 96))
    distance_mm = np.sqrt(
        (z - 3) ** 2 + (y * spacing_mm[0] - CENTRE_MM[0]) ** 2 + (x * spacing_mm[1] - CENTRE_MM[1]) ** 2
    )
    storage = PixelStorage(rescale_intercept=-1024, signed=False, bits_stored=12)
    header = SeriesHeader(
        patient_id="P1",
        sex="F",
        age_years=60,
        study_uid="1.9",
        series_uid=uid,
        frame_uid="1.8",
        manufacturer="m",
        model="m",
        kernel="k",
        kvp=120,
        current_ma=100,
        slice_thickness_mm=1.0,
        reconstruction_diameter_mm=100.0,
        patient_position="HFS",
        rows_direction=(1.0, 0.0, 0.0),
        columns_direction=(0.0, 1.0, 0.0),
        pixel_spacing_mm=spacing_mm,
        description="ball",
        storage=storage,
    )
    hu = np.where(distance_mm <= RADIUS_MM, 50, -850).astype(np.int16)
    planes = [
        PlaneHeader(
            f"{N_PLANES - plane}.dcm", f"{uid}.{plane + 1}", N_PLANES - plane, (0.0, 0.0, float(plane))
        )
        for plane in range(N_PLANES)
    ]
    write_series(folder, to_stored(hu, None, storage), header, planes)


def _add_rows(rows: dict[str, list[dict]], uid: str) -> None:
    spacing_y, spacing_x = SPACINGS_MM[uid]
    centre = {"z_index": 2.4, "y_index": CENTRE_MM[0] / spacing_y, "x_index": CENTRE_MM[1] / spacing_x}
    sizes = {"n_slices": N_PLANES, "spacing_z_mm": 1.0, "spacing_y_mm": spacing_y, "spacing_x_mm": spacing_x}
    rows["series"].append({"series_uid": uid} | sizes)
    rows["slices"] += [
        {"series_uid": uid, "z_index": z, "path": f"{uid}/{N_PLANES - z}.dcm"} for z in range(N_PLANES)
    ]
    rows["readings"].append(
        {"reading_id": f"r-{uid}", "series_uid": uid, "nodule_id": f"n-{uid}", "reader": 1}
    )
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    outline = {
        "y_index": (CENTRE_MM[0] + RADIUS_MM * np.sin(angle)) / spacing_y,
        "x_index": (CENTRE_MM[1] + RADIUS_MM * np.cos(angle)) / spacing_x,
    }
    rows["contours"] += [
        {"reading_id": f"r-{uid}", "contour": z, "z_index": z, "inclusion": True} | outline for z in (2, 3, 4)
    ]
    nodule = {"nodule_id": f"n-{uid}", "series_uid": uid, "patient_id": "P1", "largest_z_index": 3}
    rows["nodules"].append(nodule | centre)


def _frame(rows: list[dict], table: Table) -> pd.DataFrame:
    """Columns a test does not care about hold an empty value of their type."""
    empty = {"string": "", "bool": False, "int8": 0, "int32": 0, "float64": 0.0, "list<int8>": []}
    blank = {name: empty.get(kind) for name, (kind, _) in table.columns.items()}
    return pd.DataFrame([blank | row for row in rows], columns=list(table.columns))


def test_a_stopped_run_goes_on_where_it_was_and_gives_the_same_bytes(cohort, tmp_path, monkeypatch, capsys):
    cut(cohort, tmp_path / "whole", View.NODULE)
    with monkeypatch.context() as patch:
        patch.setattr("lungml.stages.views.write_store", stop)
        with pytest.raises(KeyboardInterrupt):
            cut(cohort, tmp_path / "out", View.NODULE)
    (damaged, _) = sorted((tmp_path / ".out.partial").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-30])

    cut(cohort, tmp_path / "out", View.NODULE)

    assert "1 of 2 series were finished by a run that was stopped" in capsys.readouterr().err
    assert not (tmp_path / ".out.partial").exists()
    for name in ("images.npy", "masks.npy", "items.parquet", "store.json"):
        assert sha256_file(tmp_path / "whole" / name) == sha256_file(tmp_path / "out" / name)


def test_views_of_other_parameters_are_not_taken(cohort, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("lungml.stages.views.write_store", stop)
        with pytest.raises(KeyboardInterrupt):
            cut(cohort, tmp_path / "out", View.NODULE)

    cut(cohort, tmp_path / "out", View.NODULE, nodule_field_of_view_mm=40.0)

    assert "finished by a run" not in capsys.readouterr().err


def stop(*_arguments, **_options):
    raise KeyboardInterrupt
