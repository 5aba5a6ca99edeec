"""Faults that need more than one look: where they are found, how often, and under which parameters."""

import pydicom
import pytest
from ct_files import body_hu, edit, write_ct
from ct_index import codes, index_folder

from lungml.params.data import CtParams


def cut(path, end):
    path.write_bytes(path.read_bytes()[:end])


@pytest.mark.parametrize("sixtyfourth", range(64))
def test_a_file_cut_anywhere_is_noticed(tmp_path, sixtyfourth):
    paths = write_ct(tmp_path, body_hu())
    data = paths[1].read_bytes()
    end = len(data) * sixtyfourth // 64
    cut(paths[1], end)

    rows = index_folder(tmp_path)

    named = data.index(b"1.2.840.10008.5.1.4.1.1.2", data.index(b"\x08\x00\x16\x00"))
    code = "LM-D002" if end < 132 else "LM-D005" if end <= named else "LM-D001"
    assert not rows.tables["series"]  # the rest has a hole in the middle, so nothing of the series is used
    assert {finding.code for finding in rows.findings} <= {code, "LM-D043"}
    assert code in {finding.code for finding in rows.findings}


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
