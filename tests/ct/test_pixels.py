from pathlib import Path

import numpy as np
import pydicom
import pytest
from ct_files import ct_dataset
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from shared_data import SHARED_DATA, needs_shared_data

from lungml.ct.pixels import is_plain, read_stored
from lungml.ct.read_header import read_header
from lungml.ct.rules import first_broken
from lungml.quarantine import RefusedError

VALUES = np.array([[-1024, -1, 0, 1], [3071, 2047, -2000, 7]], dtype=np.int16)


def write(folder, dataset, values, bits=16, high_bit=None):
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsStored, dataset.HighBit = bits, bits - 1 if high_bit is None else high_bit
    dataset.PixelData = np.ascontiguousarray(values).tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.save_as(folder / "image.dcm", enforce_file_format=True)
    return read_header(folder, "image.dcm")


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        RLELossless,
    ],
    ids=lambda syntax: syntax.name,
)
def test_stored_values_do_not_depend_on_the_transfer_syntax(tmp_path, syntax):
    dataset = ct_dataset(VALUES, intercept=0)
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = VALUES.astype(">i2").tobytes()
    pydicom.dcmwrite(
        tmp_path / "image.dcm",
        dataset,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    header = read_header(tmp_path, "image.dcm")

    stored = read_stored(tmp_path, header)

    assert np.array_equal(stored, VALUES)
    assert is_plain(header.pixels) == (syntax in {ImplicitVRLittleEndian, ExplicitVRLittleEndian})


def test_twelve_signed_bits_are_extended_whether_or_not_the_spare_bits_repeat_the_sign(tmp_path):
    values = np.array([[-2000, -1, 0, 2047]], dtype=np.int16)
    dataset = ct_dataset(values, intercept=0)

    repeated = read_stored(tmp_path, write(tmp_path, dataset, values, bits=12))
    zeros = read_stored(tmp_path, write(tmp_path, dataset, values.view(np.uint16) & 0x0FFF, bits=12))

    assert repeated.tolist() == zeros.tolist() == values.tolist()


@pytest.mark.parametrize("signed", [True, False])
def test_values_that_do_not_fit_the_declared_bits_are_refused(tmp_path, signed):
    values = np.array([[0, 5000, 1, 2]], dtype=np.int16)
    header = write(tmp_path, ct_dataset(values, signed=signed), values, bits=12)

    with pytest.raises(RefusedError, match=r"LM-D024.*the word 5000, expected 12 bits"):
        read_stored(tmp_path, header)


@pytest.mark.parametrize(("value", "is_read"), [(511, True), (-512, True), (600, False)])
def test_fewer_bits_than_the_high_bit_says_turn_no_value_negative(tmp_path, value, is_read):
    """BitsStored 10 beside HighBit 15: 600 would become -424."""
    values = np.full((2, 4), value, dtype=np.int16)
    header = write(tmp_path, ct_dataset(values), values, bits=10, high_bit=15)

    if is_read:
        assert np.array_equal(read_stored(tmp_path, header), values)
    else:
        with pytest.raises(RefusedError, match=r"LM-D024.*the word 600, expected 10 bits"):
            read_stored(tmp_path, header)


def test_declared_padding_may_exceed_the_declared_bits(tmp_path):
    values = np.array([[63536, 24, 1064, 4095]], dtype=np.uint16)
    dataset = ct_dataset(values, signed=False)
    dataset.add_new("PixelPaddingValue", "US", 63536)

    stored = read_stored(tmp_path, write(tmp_path, dataset, values, bits=12))

    assert stored.tolist() == values.tolist()


def test_a_file_cut_after_the_index_is_refused(tmp_path):
    header = write(tmp_path, ct_dataset(VALUES), VALUES)
    path = tmp_path / "image.dcm"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(RefusedError, match=r"LM-D001.*15 pixel bytes, expected 16"):
        read_stored(tmp_path, header)


PYDICOMS_CT = Path(get_testdata_file("CT_small.dcm"))
PYDICOMS_IMAGES = [PYDICOMS_CT, *sorted((PYDICOMS_CT.parent / "dicomdirtests").glob("*/CT*/*"))]


@pytest.mark.parametrize("path", PYDICOMS_IMAGES, ids=lambda path: path.name)
def test_the_direct_road_gives_what_pydicom_gives(path):
    header = read_header(path.parent, path.name)

    assert is_plain(header.pixels)
    assert np.array_equal(read_stored(path.parent, header), pydicom.dcmread(path).pixel_array)


@needs_shared_data
@pytest.mark.parametrize(
    "path",
    sorted((SHARED_DATA / "dicom_edge").glob("CTImage.dcm_*.dcm"))
    + sorted((SHARED_DATA / "dicom_edge").glob("wg04*.dcm")),
    ids=lambda path: path.name[:50],
)
def test_a_real_coding_is_read_as_pydicom_reads_it_or_refused_with_a_code(path):
    header = read_header(path.parent, path.name)
    try:
        expected = pydicom.dcmread(path).pixel_array
    except (RuntimeError, ValueError):
        expected = None

    if expected is None:
        with pytest.raises(RefusedError, match="LM-D033"):
            read_stored(path.parent, header)
    else:
        assert np.array_equal(read_stored(path.parent, header), expected)


@needs_shared_data
@pytest.mark.parametrize(
    "syntax",
    [
        "LittleEndianImplicit",
        "LittleEndianExplicit",
        "BigEndianExplicit",
        "DeflatedExplicit",
        "RLELossless",
        "JPEG2000LosslessOnly",
    ],
)
def test_lossless_codings_of_a_real_image_are_equal(syntax):
    folder = SHARED_DATA / "dicom_edge"
    (coded,) = folder.glob(f"CTImage.dcm_{syntax}*.dcm")

    stored, plain = (read_stored(folder, read_header(folder, name)) for name in (coded.name, "CTImage.dcm"))

    assert np.array_equal(stored, plain)


def test_pydicoms_own_ct_breaks_no_rule():
    assert first_broken(read_header(PYDICOMS_CT.parent, PYDICOMS_CT.name)) is None
