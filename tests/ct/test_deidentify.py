"""CT images without the patient: the same pixels in the same place, and no tag beyond the list."""

import numpy as np
import pydicom
import pytest
from ct_files import body_hu, write_ct, write_frames
from ct_index import slices_of
from nameless_copies import NAMES
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from lungml.ct.read import read_volume
from lungml.phi.folder import deidentify_folder


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_packed_pixels_are_the_same_bytes(tmp_path, syntax):
    path = write_ct(tmp_path / "in", body_hu((1, 64, 64)))[0]
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax)
    dataset.save_as(path)

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    copy = pydicom.dcmread(tmp_path / "out" / NAMES.path(path.name))
    assert copy.PixelData == pydicom.dcmread(path).PixelData
    assert copy.file_meta.TransferSyntaxUID == syntax


def copied_header(tmp_path, **tags):
    path = write_ct(tmp_path / "in", body_hu()[:1], **tags)[0]
    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)
    return pydicom.dcmread(tmp_path / "out" / NAMES.path(path.name))


def test_what_was_done_is_recorded_in_the_image(tmp_path):
    header = copied_header(tmp_path)

    assert header.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in header.DeidentificationMethodCodeSequence] == ["113100", "113108"]
    assert header.LongitudinalTemporalInformationModified == "REMOVED"
    assert header.PatientName == header.PatientID == NAMES.name("MRN12345")
    assert header.SeriesInstanceUID == NAMES.uid("1.2.9")
    assert header.StudyDate == header.PatientBirthDate == ""
    assert "SpecificCharacterSet" not in header


@pytest.mark.parametrize(
    ("age", "kept"),
    [("061Y", "061Y"), ("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("018M", "018M")],
)
def test_ages_above_89_are_one_age(tmp_path, age, kept):
    assert copied_header(tmp_path, PatientAge=age).PatientAge == kept


@pytest.mark.parametrize(
    ("model", "is_kept"),
    [
        ("LightSpeed VCT", True),
        ("Sensation 64", True),
        ("SOMATOM Definition AS+", True),
        ("Ward 3 Meyer", False),
    ],
)
def test_known_products_are_kept_and_other_words_are_not(tmp_path, model, is_kept):
    header = copied_header(tmp_path, ManufacturerModelName=model)

    assert header.ManufacturerModelName == (model if is_kept else NAMES.name(model))


def test_a_number_that_is_none_does_not_pass(tmp_path):
    path = write_ct(tmp_path / "in", body_hu()[:1])[0]
    path.write_bytes(
        path.read_bytes().replace(b"KV\x04\x00120 ", b"").replace(b"DS\x04\x00120 ", b"DS\x04\x00Ann ")
    )

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert "KVP" not in pydicom.dcmread(tmp_path / "out" / NAMES.path(path.name))


def test_two_patients_whose_ids_are_no_utf_8_stay_two(tmp_path):
    ids = set()
    for number, patient in enumerate((b"M\xfcller12", b"M\xe4ller12")):
        path = write_ct(tmp_path / f"in{number}", body_hu()[:1])[0]
        path.write_bytes(path.read_bytes().replace(b"MRN12345", patient))
        deidentify_folder(path.parent, tmp_path / f"out{number}", NAMES)
        ids.add(pydicom.dcmread(tmp_path / f"out{number}" / NAMES.path(path.name)).PatientID)

    assert len(ids) == 2


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_enhanced_ct_keeps_the_place_and_the_values_of_its_frames(tmp_path, syntax):
    write_ct(tmp_path / "single", body_hu())
    path = tmp_path / "in" / "ct.dcm"
    write_frames(path, tmp_path / "single", own=["PixelValueTransformationSequence"])
    dataset = pydicom.dcmread(path)
    dataset.PerFrameFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].ImageComments = "Jane"
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
    is_little, is_implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=is_implicit, little_endian=is_little)

    deidentify_folder(tmp_path / "in", tmp_path / "copy", NAMES)

    volumes = [read_volume(folder, slices_of(folder)) for folder in (tmp_path / "single", tmp_path / "copy")]
    np.testing.assert_array_equal(volumes[0].hu, volumes[1].hu)
    assert volumes[0].spacing_mm == volumes[1].spacing_mm
    assert volumes[0].origin_mm == volumes[1].origin_mm
    assert b"Jane" not in (tmp_path / "copy" / NAMES.path("ct.dcm")).read_bytes()
