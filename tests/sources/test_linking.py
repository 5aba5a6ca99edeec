"""Which series a row of a table of points means, whose it is, and what of the rows does not fit."""

import pytest
from ct_files import edit, write_ct
from point_tables import CENTRE, UID, X_MM, Y_MM, Z_MM, codes, found, indexed, point, with_ball, write_points
from volume_files import write_volume

from lungml.errors import InputError


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


def test_the_same_name_in_two_scans_of_a_patient_is_two_nodules(tmp_path):
    for name in "ab":
        write_volume(tmp_path / "raw" / f"{name}.mha", with_ball(seed=ord(name)))
    rows = [point(series_uid=name, patient_id="P", nodule_id="1") for name in "ab"]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert sorted(indexed(tmp_path)["nodules"]["nodule_id"]) == ["P-1", "P-1-n2"]


def test_a_missing_patient_id_of_dicom_and_table_is_said(tmp_path):
    for path in write_ct(tmp_path / "raw" / "ct", with_ball()):
        edit(path, PatientID="")
    write_points(tmp_path / "raw" / "points.csv", [point()])

    patient = indexed(tmp_path)["nodules"]["patient_id"].iloc[0]

    assert patient.startswith("study-")
    assert codes(tmp_path) == ["LM-D055", "LM-L010"]
