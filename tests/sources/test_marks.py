"""Where a point lies in its volume and the sphere around it; the answers are those of the body as written."""

import os
import shutil

import numpy as np
import pytest
from ct_files import ORIENTATIONS, ORIGIN_MM, body_hu, write_ct
from point_tables import CENTRE, SHAPE, codes, indexed, point, with_ball, write_points
from shared_data import SHARED_DATA, needs_shared_data, unpacked
from volume_files import write_volume

from lungml.imaging.store import read_store
from lungml.params.data import ConsensusParams, CtParams, ViewsParams
from lungml.stages import index, views
from lungml.tables import NODULES, SERIES, read_table
from lungml.terms import View


@pytest.mark.parametrize("orientation", ORIENTATIONS[::7], ids=str)
def test_a_voxel_is_counted_as_in_the_file(tmp_path, orientation):
    write_volume(tmp_path / "raw" / "a.mha", with_ball(), orientation)
    write_ct(tmp_path / "raw" / "ct", with_ball(), orientation)
    order, signs = orientation
    k, j, i = (
        CENTRE[axis] if sign > 0 else SHAPE[axis] - 1 - CENTRE[axis]
        for axis, sign in zip(order, signs, strict=True)
    )
    left_handed = np.linalg.det(np.eye(3)[list(order)] * np.array(signs)[:, None]) < 0
    k_dicom = SHAPE[order[0]] - 1 - k if left_handed else k  # such files lie against their slice normal
    rows = [
        {"file": "a.mha", "patient_id": "A", "x_voxel": i, "y_voxel": j, "z_voxel": k},
        {"file": "ct", "patient_id": "B", "x_voxel": i, "y_voxel": j, "z_voxel": k_dicom},
    ]
    write_points(tmp_path / "raw" / "points.csv", rows)

    nodules = indexed(tmp_path)["nodules"].set_index("patient_id")

    for patient in "AB":
        place = nodules.loc[patient, ["z_index", "y_index", "x_index"]].to_numpy(float)
        assert place == pytest.approx(CENTRE), patient


def test_a_point_without_diameter_is_a_nodule_of_unknown_size(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_points(tmp_path / "raw" / "points.csv", [point(diameter_mm="", label=1)])

    tables = indexed(tmp_path)
    views.run(
        CtParams(), ConsensusParams(), ViewsParams(size_px=32), view=View.NODULE, raw=tmp_path / "raw",
        index=tmp_path / "index", out=tmp_path / "views",
    )  # fmt: skip

    (nodule,) = tables["nodules"].to_dict("records")
    assert np.isnan([nodule["diameter_mm"], nodule["volume_mm3"]]).all()
    assert (nodule["label"], list(nodule["scores"])) == (1, [])
    assert tables["contours"].empty
    store = read_store(tmp_path / "views")
    assert store.images_hu[0, 0, 15:17, 15:17] == pytest.approx(100, abs=1)
    assert not store.masks.any()


def test_a_sphere_at_the_edge_is_cut_off_there(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    edge = dict(zip(("x_mm", "y_mm", "z_mm"), ORIGIN_MM, strict=True))
    write_points(tmp_path / "raw" / "points.csv", [point(**edge, diameter_mm=12)])

    tables = indexed(tmp_path)

    assert tables["contours"]["z_index"].min() == 0
    assert min(y.min() for y in tables["contours"]["y_index"]) == 0
    assert tables["nodules"]["volume_mm3"].iloc[0] > 50


def test_a_gap_near_a_point_sets_the_series_aside(tmp_path):
    paths = write_ct(tmp_path / "raw" / "ct", body_hu((40, 12, 14)))
    paths[8].unlink()
    write_ct(tmp_path / "raw" / "other", body_hu((8, 12, 14)), SeriesInstanceUID="1.2.10", PatientID="Q")
    write_points(tmp_path / "raw" / "points.csv", [point(x_mm=-8, y_mm=22, z_mm=ORIGIN_MM[2] + 9 * 2.5)])

    assert len(indexed(tmp_path)["series"]) == 1
    assert codes(tmp_path) == ["LM-D043"]


@needs_shared_data
def test_a_published_point_lies_where_the_readers_consensus_is(tmp_path):
    folder = unpacked("lidc_dicom/LIDC-IDRI-0001_full133.tar.xz")
    with_points = tmp_path / "raw"
    shutil.copytree(folder, with_points, copy_function=os.link)
    shutil.copyfile(SHARED_DATA / "lidc_tables" / "luna16_annotations.csv", with_points / "annotations.csv")

    index.run(CtParams(), ConsensusParams(), raw=folder, out=tmp_path / "readers")
    nodule = indexed(tmp_path)["nodules"].iloc[0]

    readers = read_table(tmp_path / "readers" / "nodules.parquet", NODULES).iloc[0]
    series = read_table(tmp_path / "readers" / "series.parquet", SERIES).iloc[0]
    steps = [
        (nodule[f"{axis}_index"] - readers[f"{axis}_index"]) * series[f"spacing_{axis}_mm"] for axis in "zyx"
    ]
    assert np.linalg.norm(steps) < 2
    assert nodule["diameter_mm"] == pytest.approx(23.3506, abs=1e-3)  # as the table gives it
    assert nodule["volume_mm3"] == pytest.approx(readers["volume_mm3"], rel=0.1)
    assert nodule["patient_id"] == readers["patient_id"]
