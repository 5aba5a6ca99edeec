"""Compressed pixels are the values that were coded, or the image is refused."""

import threading
from contextlib import suppress
from functools import partial
from itertools import product

import numpy as np
import pydicom
import pytest
from coded_images import (
    GDCM_SYNTAXES,
    PYDICOM_SYNTAXES,
    SHAPE,
    SYNTAXES,
    coded,
    compress_with_pydicom,
    spoil,
    words,
    write_plain,
)
from ct_files import compress_with_gdcm
from pydicom.uid import JPEGLSNearLossless, RLELossless
from shared_data import SHARED_DATA, needs_shared_data

from lungml.ct.decoding import PLUGINS
from lungml.ct.header import DEFLATED
from lungml.ct.pixels import is_plain, read_stored
from lungml.ct.read_header import read_header
from lungml.quarantine import RefusedError

ENCODERS = {f"{name} by gdcm": partial(compress_with_gdcm, syntax=at) for name, at in GDCM_SYNTAXES.items()}
ENCODERS |= {
    f"{name} by pydicom": partial(compress_with_pydicom, syntax=at) for name, at in PYDICOM_SYNTAXES.items()
}


@pytest.mark.parametrize(("encoder", "bits", "signed"), product(ENCODERS, (12, 16), (True, False)))
def test_lossless_coding_changes_no_value(tmp_path, encoder, bits, signed):
    values = words(bits, signed)
    ENCODERS[encoder](write_plain(tmp_path / "image.dcm", values, bits))
    header = read_header(tmp_path, "image.dcm")

    stored = read_stored(tmp_path, header)

    assert header.pixels.transfer_syntax in PLUGINS
    assert stored.dtype == values.dtype
    assert np.array_equal(stored, values)


def test_near_lossless_coding_stays_within_its_error(tmp_path):
    values = words(12, signed=False)
    compress_with_pydicom(
        write_plain(tmp_path / "image.dcm", values, bits=12), JPEGLSNearLossless, jls_error=3
    )

    stored = read_stored(tmp_path, read_header(tmp_path, "image.dcm")).astype(int)

    assert 0 < np.abs(stored - values).max() <= 3


@needs_shared_data
@pytest.mark.parametrize(
    "syntax",
    [
        "Deflated",
        "RLELossless",
        "JPEGLSLossless",
        "JPEGProcess14T",
        "JPEGProcess14SV1",
        "JPEG2000LosslessOnly",
    ],
)
def test_lossless_codings_of_a_real_image_equal_the_plain_one(syntax):
    folder = SHARED_DATA / "dicom_edge"
    (path,) = folder.glob(f"CTImage.dcm_{syntax}*.dcm")
    header = read_header(folder, path.name)

    stored, plain = (read_stored(folder, each) for each in (header, read_header(folder, "CTImage.dcm")))

    assert not is_plain(header.pixels)
    assert np.array_equal(stored, plain)


@needs_shared_data
@pytest.mark.parametrize("image", ["CT1", "CT2"])
def test_nemas_lossless_codings_of_one_image_agree(image):
    folder = SHARED_DATA / "dicom_edge"
    names = [f"wg04_{image}_{coding}.dcm" for coding in ("RLE", "JPLL", "JLSL", "J2KR")]

    first, *others = (read_stored(folder, read_header(folder, name)) for name in names)

    assert all(np.array_equal(first, other) for other in others)


@needs_shared_data
@pytest.mark.parametrize(("coding", "at_most"), [("JLSN", 5), ("J2KI", 30)])
@pytest.mark.parametrize("image", ["CT1", "CT2"])
def test_nemas_lossy_codings_are_near_the_lossless_one(image, coding, at_most):
    folder = SHARED_DATA / "dicom_edge"

    lossless, lossy = (
        read_stored(folder, read_header(folder, f"wg04_{image}_{name}.dcm")).astype(int)
        for name in ("RLE", coding)
    )

    assert 0 < np.abs(lossless - lossy).mean() <= at_most


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("share", [0.001, 0.01, 0.5, 0.99])
def test_a_cut_image_is_refused_and_the_next_one_read(tmp_path, syntax, share):
    coded(tmp_path, SYNTAXES[syntax])
    header = spoil(tmp_path, lambda frame: frame[: int(len(frame) * share)])

    with pytest.raises(RefusedError, match="LM-D033"):
        read_stored(tmp_path, header)

    good = coded(tmp_path, name="good.dcm")
    assert np.array_equal(read_stored(tmp_path, good), words(16, True))


@pytest.mark.parametrize("seed", range(16))
def test_junk_never_ends_this_process(tmp_path, seed):
    rng = np.random.default_rng(seed)

    def overwrite(frame):
        for at in rng.integers(0, len(frame), 40):
            frame[at] = rng.integers(256)
        return frame

    coded(tmp_path, list(SYNTAXES.values())[seed % 4])
    header = spoil(tmp_path, overwrite)

    with suppress(RefusedError):
        assert read_stored(tmp_path, header).shape == SHAPE


def test_values_beyond_the_declared_bits_are_refused_as_in_plain_images(tmp_path):
    path = write_plain(tmp_path / "image.dcm", np.full(SHAPE, 5000, np.uint16), bits=16)
    compress_with_pydicom(path, RLELossless)
    dataset = pydicom.dcmread(path)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.save_as(path)

    with pytest.raises(RefusedError, match=r"LM-D024.*the word 5000, expected 12 bits"):
        read_stored(tmp_path, read_header(tmp_path, "image.dcm"))


def test_a_syntax_without_decoder_is_refused_by_name(tmp_path):
    coded(tmp_path)
    path = tmp_path / "image.dcm"
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.6\0"))

    with pytest.raises(RefusedError, match=r"LM-D033.*1\.2\.840\.10008\.1\.2\.6"):
        read_stored(tmp_path, read_header(tmp_path, "image.dcm"))


def test_threads_decode_at_the_same_time(tmp_path):
    images = [words(16, True, seed) for seed in range(8)]
    headers = [coded(tmp_path, name=f"{n}.dcm", values=image) for n, image in enumerate(images)]
    found = [None] * len(images)

    def read(number):
        found[number] = read_stored(tmp_path, headers[number])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(np.array_equal(one, other) for one, other in zip(found, images, strict=True))


def test_a_deflated_image_that_grows_too_much_is_refused_without_growing(tmp_path):
    path = write_plain(tmp_path / "image.dcm", words(16, True))
    dataset = pydicom.dcmread(path)
    dataset.PixelData = bytes(200_000_000)
    dataset.Rows, dataset.Columns = 10000, 10000
    dataset.file_meta.TransferSyntaxUID = DEFLATED
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    del dataset
    header = read_header(tmp_path, "image.dcm")
    before = memory()

    with pytest.raises(RefusedError, match="LM-D031"):
        read_stored(tmp_path, header)

    assert memory() - before < 64 << 20


def memory():
    """Bytes that this process has had at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
