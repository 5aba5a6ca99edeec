"""Tables of points over DICOM series and volume files; the answers are those of the body that was written."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ct_files import ORIENTATIONS, ORIGIN_MM, SPACING_MM, body_hu, edit, write_ct
from shared_data import SHARED_DATA, needs_shared_data, unpacked
from volume_files import FORMATS, write_volume

from lungml.errors import InputError
from lungml.imaging.store import read_store
from lungml.params.data import CheckParams, ConsensusParams, CtParams, LabelParams, SplitParams, ViewsParams
from lungml.params.scope import ScopeParams
from lungml.quarantine import read_findings
from lungml.stages import index, split, validate, views
from lungml.tables import CONTOURS, NODULES, READINGS, SERIES, SLICES, SPLIT, read_table
from lungml.terms import Task, View

SHAPE = (12, 30, 32)
CENTRE = (5, 14, 17)
"""(z, y, x) of the nodule in the canonical volume."""
X_MM, Y_MM, Z_MM = (
    origin + index * step
    for origin, index, step in zip(ORIGIN_MM, CENTRE[::-1], SPACING_MM[::-1], strict=True)
)
UID = "1.2.9"
EXCLUSIONS = Path(__file__).resolve().parents[2] / "exclusions.csv"
"""The shipped list, which is empty."""


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


def with_ball(diameter_mm=6.0, seed=0):
    """The body with a ball of 100 HU around CENTRE."""
    hu = body_hu(SHAPE, seed)
    steps = (np.indices(SHAPE) - np.reshape(CENTRE, (3, 1, 1, 1))) * np.reshape(SPACING_MM, (3, 1, 1, 1))
    hu[np.linalg.norm(steps, axis=0) < diameter_mm / 2] = 100
    return hu


def write_points(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def point(**changes):
    return {"series_uid": UID, "x_mm": X_MM, "y_mm": Y_MM, "z_mm": Z_MM, "diameter_mm": 6.0} | changes


def indexed(root):
    index.run(CtParams(), ConsensusParams(), raw=root / "raw", out=root / "index")
    tables = (SERIES, SLICES, READINGS, CONTOURS, NODULES)
    return {table.name: read_table(root / "index" / f"{table.name}.parquet", table) for table in tables}


def codes(root):
    return sorted(item.code for item in read_findings(root / "index" / "quarantine.jsonl"))


def found(root, code):
    findings = read_findings(root / "index" / "quarantine.jsonl")
    return [item.found for item in findings if item.code == code]


def test_a_point_in_mm_becomes_a_nodule_where_the_ball_is(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_points(tmp_path / "raw" / "points.csv", [point(score=4)])

    tables = indexed(tmp_path)

    (nodule,) = tables["nodules"].to_dict("records")
    assert (nodule["z_index"], nodule["y_index"], nodule["x_index"]) == pytest.approx(CENTRE)
    assert (nodule["nodule_id"], nodule["largest_z_index"]) == ("MRN12345-n1", 5)
    assert (nodule["diameter_mm"], list(nodule["scores"]), nodule["label"]) == (6.0, [4], -1)
    # as many voxels as the ball has
    assert nodule["volume_mm3"] == pytest.approx((with_ball() == 100).sum() * np.prod(SPACING_MM), rel=0.05)
    assert sorted(tables["contours"]["z_index"]) == [4, 5, 6]
    assert tables["readings"][["reader", "kind", "malignancy"]].to_numpy().tolist() == [[0, "nodule", 4]]


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


@pytest.fixture(scope="module")
def in_every_format(tmp_path_factory):
    """The same body and point, as DICOM and in every file format: tables and nodule views of each."""
    root, made = tmp_path_factory.mktemp("formats"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        for name in ("dicom", *FORMATS):
            raw, place = root / name / "raw", UID
            if name == "dicom":
                write_ct(raw / "ct", with_ball(), PatientID="P1")
            else:
                place = write_volume(raw / f"a.{name}", with_ball()).name
            rows = [point(series_uid=place, score=4) | {"patient_id": "P1", "nodule_id": "b"}]
            write_points(raw / "points.csv", rows)
            tables = indexed(root / name)
            views.run(
                CtParams(), ConsensusParams(), ViewsParams(size_px=32), view=View.NODULE, raw=raw,
                index=root / name / "index", out=root / name / "views",
            )  # fmt: skip
            made[name] = tables, read_store(root / name / "views")
    return made


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_tables_of_dicom(in_every_format, name):
    (dicom, _), (file, _) = in_every_format["dicom"], in_every_format[name]

    own = ["series_uid", "study_uid", "sop_uid", "path", "reading_id"]
    of_header = ["manufacturer", "model", "kernel", "kvp", "sex", "age_years", "slice_thickness_mm"]
    for table in dicom:
        left, right = (each[table].drop(columns=own + of_header, errors="ignore") for each in (dicom, file))
        pd.testing.assert_frame_equal(left, right, rtol=1e-6, obj=table)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_views_of_dicom(in_every_format, name):
    (_, dicom), (_, file) = in_every_format["dicom"], in_every_format[name]

    assert np.array_equal(dicom.images_hu, file.images_hu)
    assert np.array_equal(dicom.masks, file.masks)
    assert dicom.masks.sum() > 10
    assert (dicom.images_hu[0, 0][dicom.masks[0]] > -200).mean() > 0.8  # the mask is on the ball


def test_luna16_names_files_by_uid_and_no_patient(tmp_path):
    uid = "1.3.6.1.4.1.14519.5.2.1.6279.6001.100225287222365663678666836860"
    write_volume(tmp_path / "raw" / "subset0" / f"{uid}.mhd", with_ball())
    row = {"seriesuid": uid, "coordX": X_MM, "coordY": Y_MM, "coordZ": Z_MM, "diameter_mm": 6.0}
    write_points(tmp_path / "raw" / "annotations.csv", [row])

    tables = indexed(tmp_path)

    assert tables["series"]["series_uid"].tolist() == [uid]
    assert tables["nodules"]["patient_id"].iloc[0].startswith("series-")
    assert [list(scores) for scores in tables["nodules"]["scores"]] == [[]]
    assert codes(tmp_path) == ["LM-L010"]
    summary = json.loads((tmp_path / "index" / "summary.json").read_text())
    assert (summary["patients_inferred"], summary["sources"]) == (True, ["table of points"])


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


def test_a_label_and_a_score_are_both_kept(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_points(tmp_path / "raw" / "points.csv", [point(label=0, score=5)])

    nodule = indexed(tmp_path)["nodules"].iloc[0]

    assert (nodule.label, list(nodule.scores)) == (0, [5])


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("ct", "series"),
        ("CT/../ct", "file"),
        ("ct/deep/000.dcm", "file"),
        ("..\\tables\\ct", "Series"),
        (UID, "SeriesInstanceUID"),
    ],
)
def test_a_series_is_named_by_its_folder_or_its_uid(tmp_path, name, column):
    write_ct(tmp_path / "raw" / "tables" / "ct" / "deep", with_ball())
    rows = [{column: name, "CoordX": X_MM, "coordY": Y_MM, "coordz": Z_MM}]
    write_points(tmp_path / "raw" / "tables" / "points.csv", rows)

    assert len(indexed(tmp_path)["nodules"]) == 1


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    text = f"series;x_mm;y_mm;z_mm\r\nct;{X_MM};{Y_MM};{Z_MM}\r\n;;;\r\n"
    (tmp_path / "raw" / "points.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert len(indexed(tmp_path)["nodules"]) == 1


def test_every_bad_row_is_listed_and_the_good_one_is_used(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    bad = [
        point(x_mm="1,5"),
        point(x_mm=""),
        point(y_mm="Doe^Jane"),
        point(score=6),
        point(score=3.5),
        point(score=0),
        point(label=2),
        point(diameter_mm=-3),
        point(z_mm=1e4),
        point(series_uid="1.2.3.4.5"),
        point(series_uid=""),
        point(x_mm="nan"),
    ]
    rows = [{"label": "", "score": ""} | row for row in [point(score=2), *bad]]
    write_points(tmp_path / "raw" / "points.csv", rows)

    nodules = indexed(tmp_path)["nodules"]

    assert [list(scores) for scores in nodules["scores"]] == [[2]]
    assert codes(tmp_path) == ["LM-L004", "LM-L005", "LM-L006", "LM-L007"]
    assert found(tmp_path, "LM-L004") == ["nothing of this name in row 12"]
    assert found(tmp_path, "LM-L007") == ["row 11"]
    (numbers,), (ranges,) = found(tmp_path, "LM-L005"), found(tmp_path, "LM-L006")
    assert (
        numbers
        == "x: 1,5 in row 3; x: empty in row 4; y: a word in row 5; series: empty in row 13; x: nan in row 14"
    )
    assert ranges == (
        "score 6 in row 6; score 3.5 in row 7; score 0 in row 8; label 2 in row 9; diameter_mm -3 in row 10"
    )


def test_an_unquoted_decimal_comma_shifts_no_column_unseen(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    good = f"ct,{X_MM},{Y_MM},{Z_MM}"
    text = f"series,x_mm,y_mm,z_mm\n{good}\nct,1,5,{Y_MM},{Z_MM}\n"
    (tmp_path / "raw" / "points.csv").write_text(text)

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert found(tmp_path, "LM-L005") == ["5 cells for 4 columns in row 3"]


def test_a_repeated_row_counts_once(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    rows = [point(score=3, nodule_id=name) for name in ("a", "a", "b")]  # twice by name, once by place
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert indexed(tmp_path)["nodules"]["nodule_id"].tolist() == ["MRN12345-a"]
    assert found(tmp_path, "LM-L008") == ["as row 2 in rows 3, 4"]


@pytest.mark.parametrize("column", ["score", "label"])
def test_two_answers_for_one_nodule_stop_everything(tmp_path, column):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    rows = [
        point(**{column: 1}),
        point(**{column: 0 if column == "label" else 2}),
        point(x_mm="?", **{column: 1}),
    ]
    write_points(tmp_path / "raw" / "points.csv", rows)

    with pytest.raises(InputError, match=r"(?s)nothing is written.*LM-L003.*row 3.*LM-L005.*row 4"):
        indexed(tmp_path)

    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("missing", ["z_mm", "series_uid"])
def test_a_table_of_points_without_its_columns_stops(tmp_path, missing):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    row = point()
    del row[missing]
    write_points(tmp_path / "raw" / "points.csv", [row])

    if missing == "series_uid":
        assert indexed(tmp_path)["nodules"].empty
        assert codes(tmp_path) == ["LM-L002"]
    else:
        with pytest.raises(InputError, match="LM-L001"):
            indexed(tmp_path)


def test_other_tables_are_left_out_with_a_note(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_points(tmp_path / "raw" / "scanners.csv", [{"series_uid": UID, "kernel": "B30f"}])
    (tmp_path / "raw" / "bytes.csv").write_bytes(bytes(range(256)))

    indexed(tmp_path)

    assert codes(tmp_path) == ["LM-L002", "LM-L002"]


def test_a_series_of_two_patients_stops(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_points(
        tmp_path / "raw" / "points.csv", [point(patient_id="A"), point(patient_id="B", z_mm=Z_MM + 5)]
    )

    with pytest.raises(InputError, match=r"LM-L011.*rows 2, 3"):
        indexed(tmp_path)


def test_one_patient_of_the_headers_cannot_be_two_of_the_table(tmp_path):
    for uid in ("1.2.91", "1.2.92"):
        write_ct(tmp_path / "raw" / uid, with_ball(), SeriesInstanceUID=uid)
    rows = [point(series_uid="1.2.91", patient_id="A"), point(series_uid="1.2.92", patient_id="B")]
    write_points(tmp_path / "raw" / "points.csv", rows)

    with pytest.raises(InputError, match="LM-L011"):
        indexed(tmp_path)


def test_a_row_without_patient_among_rows_with_one_is_set_aside(tmp_path):
    for name in "ab":
        write_volume(tmp_path / "raw" / f"{name}.nii.gz", with_ball())
    rows = [point(series_uid="a", patient_id="A"), point(series_uid="b", patient_id="")]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert indexed(tmp_path)["nodules"]["patient_id"].tolist() == ["A"]
    assert sorted(codes(tmp_path)) == ["LM-L009", "LM-L012"]


def test_a_name_that_two_files_have_is_no_name(tmp_path):
    for folder in "ab":
        write_volume(tmp_path / "raw" / folder / "ct.nrrd", with_ball())
    rows = [point(series_uid="ct", patient_id="A"), point(series_uid="a/ct.nrrd", patient_id="A")]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert len(indexed(tmp_path)["series"]) == 1
    assert found(tmp_path, "LM-L004") == ["2 series or files in row 2"]


def test_a_table_cannot_name_a_file_outside_the_raw_folder(tmp_path):
    write_volume(tmp_path / "secret.nrrd", with_ball())
    write_volume(tmp_path / "raw" / "a.nrrd", with_ball())
    rows = [point(series_uid="a.nrrd", patient_id="A"), point(series_uid="../secret.nrrd", patient_id="B")]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert indexed(tmp_path)["series"]["patient_id"].tolist() == ["A"]


def test_a_volume_file_no_table_names_is_left_out(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_volume(tmp_path / "raw" / "a.nrrd", with_ball())

    assert len(indexed(tmp_path)["series"]) == 1
    assert codes(tmp_path) == ["LM-L012"]


def test_values_of_a_metaimage_are_no_file_of_their_own(tmp_path):
    hu = with_ball()
    hu[0, 0, :4] = (8, 8, 16720, 0)  # an element of group 0008, as a DICOM file without preamble begins
    write_volume(tmp_path / "raw" / "a.mhd", hu)
    write_points(tmp_path / "raw" / "points.csv", [point(series_uid="a", patient_id="A")])

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert codes(tmp_path) == []


def test_points_of_a_series_take_the_place_of_its_xml(tmp_path):
    from lidc_files import lidc_xml, nodule, roi

    write_ct(tmp_path / "raw" / "ct", with_ball())
    (tmp_path / "raw" / "r.xml").write_text(
        lidc_xml([[nodule(roi(-100.0, [(8, 8), (8, 12), (12, 12), (12, 8)]))]])
    )
    write_points(tmp_path / "raw" / "points.csv", [point()])

    nodules = indexed(tmp_path)["nodules"]

    assert nodules["z_index"].tolist() == pytest.approx([CENTRE[0]])
    assert codes(tmp_path) == ["LM-L013"]


def test_a_bad_volume_file_is_set_aside_and_the_rest_goes_on(tmp_path):
    write_volume(tmp_path / "raw" / "a.nrrd", with_ball())
    write_volume(tmp_path / "raw" / "b.nrrd", np.full(SHAPE, 7))
    rows = [point(series_uid=f"{name}.nrrd", patient_id=name) for name in "ab"]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert indexed(tmp_path)["series"]["patient_id"].tolist() == ["a"]
    assert codes(tmp_path) == ["LM-D066"]


def test_the_same_name_in_two_scans_of_a_patient_is_two_nodules(tmp_path):
    for name in "ab":
        write_volume(tmp_path / "raw" / f"{name}.mha", with_ball(seed=ord(name)))
    rows = [point(series_uid=name, patient_id="P", nodule_id="1") for name in "ab"]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert sorted(indexed(tmp_path)["nodules"]["nodule_id"]) == ["P-1", "P-1-n2"]


def test_a_sphere_at_the_edge_is_cut_off_there(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    edge = dict(zip(("x_mm", "y_mm", "z_mm"), ORIGIN_MM, strict=True))
    write_points(tmp_path / "raw" / "points.csv", [point(**edge, diameter_mm=12)])

    tables = indexed(tmp_path)

    assert tables["contours"]["z_index"].min() == 0
    assert min(y.min() for y in tables["contours"]["y_index"]) == 0
    assert tables["nodules"]["volume_mm3"].iloc[0] > 50


def test_no_message_names_a_patient(tmp_path, capsys):
    write_volume(tmp_path / "raw" / "DOE_JANE" / "a.mha", with_ball())
    rows = [point(series_uid="DOE_JANE/a.mha", patient_id="DOE_JANE", score=score) for score in (3, 9)]
    write_points(tmp_path / "raw" / "DOE_JANE.csv", rows)
    rows[0]["series_uid"] = "DOE_JANE/a"
    (tmp_path / "raw" / "DOE_JANE.csv").rename(tmp_path / "raw" / "x.csv")
    write_points(
        tmp_path / "raw" / "DOE_JANE" / "y.csv",
        [point(series_uid="a.mha", patient_id="DOE_JANE", score="DOE")],
    )

    indexed(tmp_path)

    said = (tmp_path / "index" / "quarantine.jsonl").read_text() + capsys.readouterr().err
    assert "LM-L006" in said
    assert "DOE" not in said


def test_a_gap_near_a_point_sets_the_series_aside(tmp_path):
    paths = write_ct(tmp_path / "raw" / "ct", body_hu((40, 12, 14)))
    paths[8].unlink()
    write_ct(tmp_path / "raw" / "other", body_hu((8, 12, 14)), SeriesInstanceUID="1.2.10", PatientID="Q")
    write_points(tmp_path / "raw" / "points.csv", [point(x_mm=-8, y_mm=22, z_mm=ORIGIN_MM[2] + 9 * 2.5)])

    assert len(indexed(tmp_path)["series"]) == 1
    assert codes(tmp_path) == ["LM-D043"]


def test_a_missing_patient_id_of_dicom_and_table_is_said(tmp_path):
    for path in write_ct(tmp_path / "raw" / "ct", with_ball()):
        edit(path, PatientID="")
    write_points(tmp_path / "raw" / "points.csv", [point()])

    patient = indexed(tmp_path)["nodules"]["patient_id"].iloc[0]

    assert patient.startswith("study-")
    assert codes(tmp_path) == ["LM-D055", "LM-L010"]


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


@pytest.mark.slow
def test_a_cohort_with_labels_alone_is_checked_divided_and_cut(tmp_path):
    rows = []
    for number in range(16):
        name = f"v{number}.nii.gz"
        write_volume(tmp_path / "raw" / name, with_ball(seed=number))
        rows.append(point(series_uid=name, patient_id=f"P{number}", label=int(number % 3 == 0)))
    rows[3]["diameter_mm"] = ""
    write_points(tmp_path / "raw" / "points.csv", rows)
    scope = ScopeParams(views=(View.NODULE,), tasks={Task.NODULE_BINARY: View.NODULE})
    indexed(tmp_path)

    validate.run(CheckParams(), LabelParams(), scope, index=tmp_path / "index", out=tmp_path / "checked")
    split.run(
        SplitParams(), LabelParams(), scope, index=tmp_path / "index", checked=tmp_path / "checked",
        exclusions=EXCLUSIONS, out=tmp_path / "split.parquet", excluded=tmp_path / "excluded.json",
    )  # fmt: skip

    table = read_table(tmp_path / "split.parquet", SPLIT)
    assert table["binary"].tolist().count(1) == 6
    assert (table["five"] == -1).all()
    assert table.groupby("part")["binary"].nunique().eq(2).all()
