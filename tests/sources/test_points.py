"""Tables of points over DICOM series and volume files; the answers are those of the body that was written."""

import json
from pathlib import Path

import numpy as np
import pytest
from ct_files import SPACING_MM, write_ct
from point_tables import CENTRE, UID, X_MM, Y_MM, Z_MM, codes, found, indexed, point, with_ball, write_points
from volume_files import write_volume

from lungml.errors import InputError
from lungml.params.data import CheckParams, LabelParams, SplitParams
from lungml.params.scope import ScopeParams
from lungml.stages import split, validate
from lungml.tables import SPLIT, read_table
from lungml.terms import Task, View

EXCLUSIONS = Path(__file__).resolve().parents[2] / "exclusions.csv"
"""The shipped list, which is empty."""


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


def test_a_label_and_a_score_are_both_kept(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_points(tmp_path / "raw" / "points.csv", [point(label=0, score=5)])

    nodule = indexed(tmp_path)["nodules"].iloc[0]

    assert (nodule.label, list(nodule.scores)) == (0, [5])


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
