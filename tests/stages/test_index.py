"""The tables of the stage index: nodules of readings, and what sets a series aside."""

import json

import numpy as np
import pandas as pd
import pydicom
import pytest
from ct_files import ORIENTATIONS, body_hu, edit, write_ct
from indexed_readings import HERE, SHAPE, cohort, index, z_mm
from lidc_files import lidc_xml, nodule, roi

from lungml.errors import InputError, MissingInputError
from lungml.nodules.masks import consensus_plane_mask
from lungml.quarantine import read_findings


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


def test_readings_become_consensus_nodules(tmp_path):
    cohort(tmp_path / "raw")

    tables = index(tmp_path / "raw", tmp_path / "index")

    nodules = tables["nodules"].set_index("nodule_id")
    assert list(nodules.index) == ["P1-n1", "P1-n2"]
    first = nodules.loc["P1-n1"]
    assert (first.n_readers, list(first.scores), first.largest_z_index) == (2, [2, 4], 3)
    # planes 2 and 3 of the first reader (columns 5 to 7), plane 3 of the second (columns 6 to 8)
    assert first.volume_mm3 == pytest.approx((9 + 12) * 2.5 * 0.8 * 0.7)
    assert (nodules.loc["P1-n2"].n_readers, list(nodules.loc["P1-n2"].scores)) == (1, [5])
    assert tables["readings"].groupby("kind").size().to_dict() == {"nodule": 3, "non-nodule": 1, "small": 1}
    assert set(tables["readings"].query("kind != 'nodule'")["nodule_id"]) == {""}


def test_the_plane_mask_of_the_tables_is_the_consensus(tmp_path):
    cohort(tmp_path / "raw")
    tables = index(tmp_path / "raw", tmp_path / "index")
    nodule_row = tables["nodules"].iloc[0]

    planes = [
        consensus_plane_mask(tables["contours"], tables["readings"], "P1-n1", z, SHAPE[1:], 0.5)
        for z in range(SHAPE[0])
    ]

    assert np.sum(planes) * 2.5 * 0.8 * 0.7 == pytest.approx(nodule_row.volume_mm3)
    assert np.argwhere(planes).mean(axis=0).tolist() == pytest.approx(
        [nodule_row.z_index, nodule_row.y_index, nodule_row.x_index]
    )


@pytest.mark.parametrize("orientation", [each for each in ORIENTATIONS if each[0][0] == 0], ids=str)
def test_nodules_follow_the_body_however_it_is_stored(tmp_path, orientation):
    hu = body_hu(SHAPE)
    hu[3, 5:8, 4:7] = 900  # a bright nodule at z = 3, y = 5 to 7, x = 4 to 6
    write_ct(tmp_path / "raw", hu, orientation)
    order, signs = orientation
    low = {1: 5 - 1, 2: 4 - 1}
    high = {1: 7 + 1, 2: 6 + 1}

    def in_file(axis, value):
        size = SHAPE[order[axis]]
        return value if signs[axis] > 0 else size - 1 - value

    ys = [in_file(1, low[order[1]]), in_file(1, high[order[1]])]
    xs = [in_file(2, low[order[2]]), in_file(2, high[order[2]])]
    outline = [(xs[0], ys[0]), (xs[0], ys[1]), (xs[1], ys[1]), (xs[1], ys[0])]
    (tmp_path / "raw" / "readings.xml").write_text(lidc_xml([[nodule(roi(z_mm(3), outline))]]))

    tables = index(tmp_path / "raw", tmp_path / "index")

    mask = consensus_plane_mask(tables["contours"], tables["readings"], "MRN12345-n1", 3, SHAPE[1:], 0.5)
    assert np.array_equal(mask, hu[3] == 900)


def test_two_series_of_a_patient_number_nodules_on(tmp_path):
    cohort(tmp_path / "raw", ("P1", "P1", "P2"))

    tables = index(tmp_path / "raw", tmp_path / "index")

    assert sorted(tables["nodules"]["nodule_id"]) == ["P1-n1", "P1-n2", "P1-n3", "P1-n4", "P2-n1", "P2-n2"]
    pairs = tables["readings"].query("nodule_id != ''").merge(tables["nodules"], on="nodule_id")
    assert (pairs["series_uid_x"] == pairs["series_uid_y"]).all()


def test_a_bad_series_is_set_aside_and_the_rest_goes_on(tmp_path, capsys):
    cohort(tmp_path / "raw", ("P1", "P2", "P3"))
    for path in (tmp_path / "raw" / "folder1").iterdir():
        edit(path, RescaleIntercept=None)

    tables = index(tmp_path / "raw", tmp_path / "index")

    assert sorted(tables["series"]["patient_id"]) == ["P1", "P3"]
    ledger = read_findings(tmp_path / "index" / "quarantine.jsonl")
    assert [item.code for item in ledger] == ["LM-D021", "LM-X003"]
    summary = json.loads((tmp_path / "index" / "summary.json").read_text())
    assert summary["quarantined"] == {"LM-D021": 1}
    assert (summary["series"], summary["patients"], summary["nodules"]) == (2, 2, 4)
    assert "2 series of 2 patients, 4 nodules, 10 readings; 1 set aside" in capsys.readouterr().err


def test_the_data_checksum_changes_with_one_pixel(tmp_path):
    cohort(tmp_path / "raw")
    index(tmp_path / "raw", tmp_path / "one")
    path = tmp_path / "raw" / "folder0" / "000.dcm"
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)

    index(tmp_path / "raw", tmp_path / "two")

    one, two = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two"))
    assert one["data_sha256"] != two["data_sha256"]


def test_no_message_names_a_patient(tmp_path, capsys):
    write_ct(tmp_path / "raw" / "DOE_JANE" / "MRN12345", body_hu(SHAPE), PatientID="MRN12345")
    cohort(tmp_path / "raw")
    for path in (tmp_path / "raw" / "DOE_JANE" / "MRN12345").iterdir():
        edit(path, RescaleSlope=None)
    (tmp_path / "raw" / "DOE_JANE" / "19500101.txt").write_text("notes")

    index(tmp_path / "raw", tmp_path / "index")

    said = (tmp_path / "index" / "quarantine.jsonl").read_text() + capsys.readouterr().err
    assert "LM-D021" in said
    for word in ("DOE", "JANE", "MRN12345", "19500101", "Roe", "1.2.9"):
        assert word not in said, word


def test_a_gap_near_a_nodule_sets_the_series_aside_and_far_from_it_is_noted(tmp_path):
    for name, z in (("near", 5), ("far", 28)):
        folder = tmp_path / name / "raw"
        paths = write_ct(folder, body_hu((40, 12, 14)))
        paths[8].unlink()
        (folder / "readings.xml").write_text(lidc_xml([[nodule(roi(z_mm(z), HERE))]]))
        write_ct(folder / "other", body_hu((8, 12, 14)), SeriesInstanceUID="1.2.10")
        index(folder, tmp_path / name / "index")

    codes = {
        name: [item.code for item in read_findings(tmp_path / name / "index" / "quarantine.jsonl")]
        for name in ("near", "far")
    }
    assert codes == {"near": ["LM-D043", "LM-X003"], "far": ["LM-D054"]}


def test_a_reader_who_splits_a_nodule_is_found(tmp_path):
    cohort(tmp_path / "raw")
    halves = [[(4, 3), (4, 5), (8, 5), (8, 3)], [(4, 5), (4, 7), (8, 7), (8, 5)]]
    (tmp_path / "raw" / "0.xml").write_text(
        lidc_xml([[nodule(roi(z_mm(2), HERE))], [nodule(roi(z_mm(2), half)) for half in halves]], "1.2.90")
    )

    tables = index(tmp_path / "raw", tmp_path / "index")

    assert tables["nodules"]["ambiguous"].tolist() == [True]
    assert [item.code for item in read_findings(tmp_path / "index" / "quarantine.jsonl")] == ["LM-X009"]


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    cohort(tmp_path / "raw")
    for path in (tmp_path / "raw" / "folder0").iterdir():
        edit(path, RescaleSlope=None)

    with pytest.raises(InputError, match=r"(?s)no series in .* can be used; nothing is written.*LM-D021"):
        index(tmp_path / "raw", tmp_path / "index")

    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("make", [lambda raw: None, lambda raw: raw.mkdir()], ids=["absent", "empty"])
def test_no_files_is_a_missing_input(tmp_path, make):
    make(tmp_path / "raw")

    with pytest.raises(MissingInputError, match="holds no files"):
        index(tmp_path / "raw", tmp_path / "index")


def test_a_cohort_without_readings_has_empty_tables_of_the_right_types(tmp_path):
    write_ct(tmp_path / "raw", body_hu(SHAPE))

    tables = index(tmp_path / "raw", tmp_path / "index")

    assert len(tables["series"]) == 1
    assert all(
        isinstance(tables[name], pd.DataFrame) and tables[name].empty for name in ("nodules", "readings")
    )


def test_header_values_reach_the_series_table(tmp_path):
    write_ct(tmp_path / "raw", body_hu(SHAPE))

    series = index(tmp_path / "raw", tmp_path / "index")["series"].iloc[0]

    assert (series.n_slices, series.rows, series.columns) == SHAPE
    assert (series.spacing_z_mm, series.spacing_y_mm, series.spacing_x_mm) == (2.5, 0.8, 0.7)
    assert (series.manufacturer, series.kernel, series.sex) == ("MAKER", "B30f", "F")
    assert (series.kvp, series.age_years, series.slice_thickness_mm) == (120, 61, 7)


def test_slices_missing_where_a_nodule_was_marked_set_the_series_aside(tmp_path):
    write_ct(tmp_path / "raw" / "ct", body_hu((14, 12, 14)), SeriesInstanceUID="1.2.9")
    marks = [nodule(roi(z_mm(6), HERE), roi(z_mm(7), HERE), malignancy=4)]
    (tmp_path / "raw" / "readings.xml").write_text(lidc_xml([marks], "1.2.9"))
    for path in (tmp_path / "raw" / "ct").iterdir():
        if z_of(path) in (z_mm(6), z_mm(7)):
            path.unlink()

    with pytest.raises(InputError, match="LM-D043"):
        index(tmp_path / "raw", tmp_path / "index", max_uneven_share=0.5)


def z_of(path):
    return float(pydicom.dcmread(path).ImagePositionPatient[2])
