"""What slices of a series need not share, but a wrong digit in one of them would change."""

import pydicom
from ct_files import body_hu, edit, write_ct
from ct_index import codes, index_folder


def findings(raw, code):
    return [finding for finding in index_folder(raw).findings if finding.code == code]


def test_a_slice_with_its_own_rescale_is_named_in_the_ledger(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    edit(paths[2], RescaleIntercept="-1023")

    (finding,) = findings(tmp_path, "LM-D059")

    assert finding.found == "RescaleSlope and RescaleIntercept"


def test_a_slice_with_its_own_padding_is_named_in_the_ledger(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    dataset = pydicom.dcmread(paths[2])
    dataset.add_new("PixelPaddingValue", "SS", 3)
    dataset.save_as(paths[2])

    (finding,) = findings(tmp_path, "LM-D059")

    assert finding.found == "PixelPaddingValue"


def test_slices_made_alike_are_not_named(tmp_path):
    write_ct(tmp_path, body_hu())

    assert "LM-D059" not in codes(tmp_path)


def test_a_class_that_swallowed_a_name_is_not_repeated(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    data = paths[0].read_bytes()
    start = data.index(b"\x08\x00\x16\x00UI")
    end = data.index(b"\x10\x00\x20\x00LO")  # PatientID; PatientName is before it
    length = (end - start - 8).to_bytes(2, "little")
    paths[0].write_bytes(data[: start + 6] + length + data[start + 8 :])

    (finding,) = findings(tmp_path, "LM-D047")

    assert "Doe" not in finding.text
    assert finding.found.endswith("other characters")
