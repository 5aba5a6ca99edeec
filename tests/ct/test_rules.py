"""Each fault, planted in one file of a good series, must end with its code and leave all files alone."""

import hashlib

import numpy as np
import pydicom
import pytest
from ct_files import body_hu, edit, write_ct
from ct_index import codes, index_folder

from lungml.faults import FAULTS, Action
from lungml.params.data import CtParams


def cut(path, end):
    path.write_bytes(path.read_bytes()[:end])


def rename_value(path, old, new):
    data = path.read_bytes()
    assert data.count(old) >= 1
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new, 1))


def nest(path, depth):
    """Put sequences of undefined length into each other; pydicom cannot write them, so bytes do."""
    sequence = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff"
    item, item_end = b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
    sequence_end = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    nested = (sequence + item) * depth + (item_end + sequence_end) * depth
    data = path.read_bytes()
    at = data.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(data[:at] + nested + data[at:])


def inflate_bomb(path):
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00091010, "OB", bytes(8_000_000))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    dataset.save_as(path, implicit_vr=False, little_endian=True)


def declare_more_bytes(path):
    data = bytearray(path.read_bytes())
    at = data.rindex(b"\xe0\x7f\x10\x00OW") + 8
    data[at : at + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(data)


def slope_nan(path):
    edit(path, RescaleSlope="1.5")
    rename_value(path, b"1.5 ", b"nan ")


FIVE_THOUSAND = np.full((10, 12), 5000, "<i2").tobytes()
MINUS_THOUSAND = np.full((10, 12), -1000, "<i2").tobytes()
GARBAGE = bytes(128) + b"DICM" + b"\xff" * 500

PLANTED = {
    "one byte short": ("LM-D001", lambda path: cut(path, -1)),
    "no pixel data": ("LM-D001", lambda path: edit(path, PixelData=None)),
    "declared longer than the file": ("LM-D001", declare_more_bytes),
    "no slope": ("LM-D021", lambda path: edit(path, RescaleSlope=None)),
    "empty intercept": ("LM-D021", lambda path: edit(path, RescaleIntercept="")),
    "slope 0": ("LM-D022", lambda path: edit(path, RescaleSlope="0")),
    "slope not a number": ("LM-D022", slope_nan),
    "slope 1e9": ("LM-D022", lambda path: edit(path, RescaleSlope="1e9")),
    "rows too many": ("LM-D023", lambda path: edit(path, Rows=11)),
    "rows too few": ("LM-D023", lambda path: edit(path, Rows=5)),
    "8 bits allocated": ("LM-D023", lambda path: edit(path, BitsAllocated=8, BitsStored=8, HighBit=7)),
    "more bits stored than allocated": ("LM-D023", lambda path: edit(path, BitsStored=20)),
    "12 bits declared": (
        "LM-D024",
        lambda path: edit(path, BitsStored=12, HighBit=11, PixelData=FIVE_THOUSAND),
    ),
    "signed read as unsigned": (
        "LM-D025",
        lambda path: edit(path, PixelRepresentation=0, PixelData=MINUS_THOUSAND),
    ),
    "no Rows": ("LM-D026", lambda path: edit(path, Rows=None)),
    "no PixelRepresentation": ("LM-D026", lambda path: edit(path, PixelRepresentation=None)),
    "no PhotometricInterpretation": ("LM-D026", lambda path: edit(path, PhotometricInterpretation=None)),
    "colour": ("LM-D026", lambda path: edit(path, PhotometricInterpretation="RGB", SamplesPerPixel=3)),
    "no series": ("LM-D026", lambda path: edit(path, SeriesInstanceUID="")),
    "65535 x 65535": ("LM-D030", lambda path: edit(path, Rows=65535, Columns=65535)),
    "inflates 1000 times": ("LM-D031", inflate_bomb),
    "nested 400 deep": ("LM-D032", lambda path: nest(path, 400)),
    "1000 frames": ("LM-D034", lambda path: edit(path, NumberOfFrames="1000")),
    "enhanced CT": ("LM-D034", lambda path: edit(path, SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1")),
    "another patient": ("LM-D045", lambda path: edit(path, PatientID="OTHER")),
    "another matrix": ("LM-D045", lambda path: edit(path, Rows=12, Columns=10)),
    "another pixel spacing": ("LM-D045", lambda path: edit(path, PixelSpacing=[0.8, 0.9])),
    "a localizer": ("LM-D046", lambda path: edit(path, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])),
    "a dose report": ("LM-D047", lambda path: edit(path, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67")),
    "no position": ("LM-D048", lambda path: edit(path, ImagePositionPatient=None)),
    "no orientation": ("LM-D048", lambda path: edit(path, ImageOrientationPatient=None)),
    "no pixel spacing": ("LM-D048", lambda path: edit(path, PixelSpacing=None)),
    "pixel spacing 0": ("LM-D048", lambda path: edit(path, PixelSpacing=[0, 0.7])),
    "skewed orientation": ("LM-D048", lambda path: edit(path, ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0])),
    "a decimal comma": ("LM-D049", lambda path: rename_value(path, b"0.8\\0.7", b"0,8\\0,7")),
    "two numbers as position": ("LM-D049", lambda path: edit(path, ImagePositionPatient=[1, 2])),
    "no PatientID": ("LM-D045", lambda path: edit(path, PatientID="")),
    "garbage after the preamble": ("LM-D005", lambda path: path.write_bytes(GARBAGE)),
    "a photo": ("LM-D002", lambda path: path.write_bytes(b"\x89PNG\r\n" + bytes(500))),
    "nothing": ("LM-D002", lambda path: path.write_bytes(b"")),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_has_its_code_and_changes_no_file(tmp_path, fault):
    code, plant = PLANTED[fault]
    write_ct(tmp_path / "good", body_hu(), SeriesInstanceUID="1.2.77")
    paths = write_ct(tmp_path / "bad", body_hu(), PatientID="MRN777")
    plant(paths[2])
    before = checksums(tmp_path)

    rows = index_folder(tmp_path)

    first = [finding for finding in rows.findings if finding.code == code]
    assert first, [finding.text for finding in rows.findings]
    assert first[0].path == f"bad/{paths[2].name}" or FAULTS[code].action is Action.QUARANTINED
    assert "1.2.77" in {row["series_uid"] for row in rows.tables["series"]}
    assert checksums(tmp_path) == before


@pytest.mark.parametrize("sixtyfourth", range(0, 64, 3))
def test_a_file_cut_anywhere_is_noticed(tmp_path, sixtyfourth):
    paths = write_ct(tmp_path, body_hu())
    cut(paths[1], paths[1].stat().st_size * sixtyfourth // 64)

    rows = index_folder(tmp_path)

    # the rest has a hole in the middle, so nothing of the series is used
    assert not rows.tables["series"]
    assert {finding.code for finding in rows.findings} <= {
        "LM-D001", "LM-D002", "LM-D005", "LM-D021", "LM-D026", "LM-D043", "LM-D047", "LM-D048",
    }  # fmt: skip


def test_a_file_without_preamble_is_read_and_noted(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    paths[3].write_bytes(paths[3].read_bytes()[132:])

    rows = index_folder(tmp_path)

    assert [finding.code for finding in rows.findings] == ["LM-D003"]
    assert len(rows.tables["slices"]) == 6


def test_a_program_in_the_preamble_is_noted(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    paths[3].write_bytes(b"MZ" + paths[3].read_bytes()[2:])

    assert codes(tmp_path) == {"LM-D004"}


def test_padding_declared_as_water_is_noted_once(tmp_path):
    write_ct(tmp_path, body_hu(), intercept=0, PixelPaddingValue=0)

    (note,) = index_folder(tmp_path).findings

    assert note.code == "LM-D029"
    assert "in 6 of 6 images" in note.text


def test_padding_is_counted(tmp_path):
    hu = body_hu()
    hu[:, 0, :] = -2000
    write_ct(tmp_path, hu)

    (note,) = index_folder(tmp_path).findings

    assert (note.code, note.found) == ("LM-D027", "10.0% of pixels")


def test_a_series_without_patient_is_named_after_its_study(tmp_path):
    write_ct(tmp_path, body_hu(), PatientID="")

    rows = index_folder(tmp_path)

    assert {finding.code for finding in rows.findings} == {"LM-D055"}
    (series,) = rows.tables["series"]
    assert series["patient_id"].startswith("study-")
    assert "1.2.8" not in series["patient_id"]


def test_the_same_fault_in_all_files_is_one_finding(tmp_path):
    for path in write_ct(tmp_path, body_hu()):
        edit(path, RescaleSlope=None)

    (finding,) = index_folder(tmp_path).findings

    assert finding.code == "LM-D021"
    assert "(in 6 of 6 images)" in finding.found


def test_a_shift_by_1024_hu_is_refused(tmp_path):
    for shift in (-1024, 1024):
        folder = tmp_path / str(shift)
        write_ct(folder, body_hu() + shift)

        assert codes(folder) & {"LM-D025"}, shift


def test_a_skipped_series_is_in_the_ledger(tmp_path):
    write_ct(tmp_path, body_hu())

    assert codes(tmp_path, CtParams(skip_series=("1.2.9",))) == {"LM-D056"}


def test_too_few_slices_are_no_volume(tmp_path):
    write_ct(tmp_path, body_hu()[:2])

    assert codes(tmp_path) == {"LM-D053"}


def test_a_volume_beyond_the_limit_is_not_read(tmp_path):
    write_ct(tmp_path, body_hu())

    assert codes(tmp_path, CtParams(max_volume_gib=1e-6)) == {"LM-D030"}


def test_a_link_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    write_ct(outside, body_hu())
    raw = tmp_path / "raw"
    write_ct(raw, body_hu(), SeriesInstanceUID="1.2.10")
    (raw / "link.dcm").symlink_to(next(outside.iterdir()))
    (raw / "loop").symlink_to(raw)

    rows = index_folder(raw)

    assert [(finding.code, finding.path) for finding in rows.findings] == [
        ("LM-D050", "link.dcm"),
        ("LM-D050", "loop"),
    ]
    assert len(rows.tables["series"]) == 1


def test_deflated_data_of_an_honest_ratio_are_read(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
        dataset.save_as(path, implicit_vr=False, little_endian=True)

    assert codes(tmp_path) == set()


def checksums(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
