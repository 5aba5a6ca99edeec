"""A cohort on disk: same seed, same bytes, and nothing in names or numbers tells the order."""

import csv
import hashlib
from xml.etree import ElementTree

import numpy as np
import pydicom
import pytest

from lungml.params.data import PhantomParams
from lungml.phantom.cohort import write_cohort
from lungml.phantom.patient import draw_patient
from lungml.phantom.series import write_patient


def sums_of(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def series_of(cohort):
    return sorted(path for path in (cohort / "ct").glob("*/*") if path.is_dir())


def test_two_processes_write_the_bytes_of_one(small_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "2")

    write_cohort(PhantomParams(patients=4), ct=tmp_path / "ct", truth=tmp_path / "truth")

    assert sums_of(tmp_path) == sums_of(small_cohort)


def test_another_seed_is_another_cohort(small_cohort, tmp_path):
    write_patient(draw_patient(PhantomParams(seed=7), 1), tmp_path)

    assert not set(sums_of(tmp_path).values()) & set(sums_of(small_cohort).values())


def test_a_patient_is_the_same_in_a_cohort_of_any_size(small_cohort, tmp_path):
    write_patient(draw_patient(PhantomParams(patients=900), 2), tmp_path / "ct")

    assert sums_of(tmp_path).items() <= sums_of(small_cohort).items()


def test_every_patient_has_one_series_and_its_readings(small_cohort):
    assert [path.parent.name for path in series_of(small_cohort)] == [f"PHANTOM-{n:04}" for n in range(1, 5)]
    for series in series_of(small_cohort):
        assert (series / "readings.xml").is_file()


def test_instance_numbers_and_file_names_do_not_tell_the_order(small_cohort):
    for series in series_of(small_cohort):
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(series.glob("*.dcm"))]
        position = [float(header.ImagePositionPatient[2]) for header in headers]
        number = [header.InstanceNumber for header in headers]

        assert sorted(number) == list(range(1, len(headers) + 1))
        assert abs(np.corrcoef(position, number)[0, 1]) < 0.6
        assert abs(np.corrcoef(position, range(len(headers)))[0, 1]) < 0.6


def test_the_truth_places_each_nodule_where_the_pixels_show_it(small_cohort):
    for row in rows_of(small_cohort / "truth" / "nodules.csv"):
        series = small_cohort / "ct" / row["patient_id"] / row["series_uid"]
        slices = [pydicom.dcmread(path) for path in series.glob("*.dcm")]
        place = np.array([float(row[name]) for name in ("x_mm", "y_mm", "z_mm")])
        nearest = min(slices, key=lambda one: abs(one.ImagePositionPatient[2] - place[2]))
        offset = place - np.array(nearest.ImagePositionPatient, float)
        along, down = np.array(nearest.ImageOrientationPatient, float).reshape(2, 3)
        row_index, column = (
            round(float(v))
            for v in (offset @ down / nearest.PixelSpacing[0], offset @ along / nearest.PixelSpacing[1])
        )
        hu = nearest.pixel_array[row_index - 1 : row_index + 2, column - 1 : column + 2].astype(int)
        hu = hu * int(nearest.RescaleSlope) + int(nearest.RescaleIntercept)

        assert hu.mean() > (-750 if row["texture"] == "ground-glass" else -600)


def test_headers_are_those_of_a_scanner(small_cohort):
    for series in series_of(small_cohort):
        header = pydicom.dcmread(next(series.glob("*.dcm")), stop_before_pixels=True)

        assert header.PatientID == series.parent.name
        assert header.SeriesInstanceUID == series.name
        assert header.Modality == "CT"
        assert header.PatientSex in {"F", "M"}
        assert 40 <= int(header.PatientAge[:3]) <= 85
        for name in (
            "Manufacturer",
            "ManufacturerModelName",
            "ConvolutionKernel",
            "KVP",
            "FrameOfReferenceUID",
        ):
            assert header[name].value


def test_readings_name_the_series_and_its_slices(small_cohort):
    for series in series_of(small_cohort):
        slices = {
            header.SOPInstanceUID: float(header.ImagePositionPatient[2])
            for header in (pydicom.dcmread(path, stop_before_pixels=True) for path in series.glob("*.dcm"))
        }
        root = ElementTree.parse(series / "readings.xml").getroot()  # noqa: S314 - written by the test itself
        name = {"n": "http://www.nih.gov"}

        assert root.findtext("n:ResponseHeader/n:SeriesInstanceUid", namespaces=name) == series.name
        assert len(root.findall("n:readingSession", name)) == 4
        for roi in root.iterfind(".//n:roi", name):
            uid = roi.findtext("n:imageSOP_UID", namespaces=name)
            assert float(roi.findtext("n:imageZposition", namespaces=name)) == pytest.approx(slices[uid])


def test_the_truth_holds_as_many_nodules_as_it_says_patients_have(small_cohort):
    nodules, patients = (rows_of(small_cohort / "truth" / f"{name}.csv") for name in ("nodules", "patients"))

    for patient in patients:
        assert int(patient["nodules"]) == sum(row["patient_id"] == patient["patient_id"] for row in nodules)
