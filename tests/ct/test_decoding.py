import os
import signal
import threading
from contextlib import suppress
from functools import partial
from itertools import product

import gdcm
import numpy as np
import pydicom
import pytest
from ct_files import compress_with_gdcm, ct_dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, JPEGLSNearLossless, RLELossless
from shared_data import SHARED_DATA, needs_shared_data

from lungml.ct.decoding import PLUGINS, Decoders, Limits
from lungml.ct.header import DEFLATED
from lungml.ct.pixels import is_plain, read_stored
from lungml.ct.read_header import read_header
from lungml.quarantine import RefusedError

SHAPE = (64, 48)
GDCM_SYNTAXES = {
    "JPEG lossless": gdcm.TransferSyntax.JPEGLosslessProcess14,
    "JPEG lossless, first order": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "JPEG-LS": gdcm.TransferSyntax.JPEGLSLossless,
    "JPEG 2000": gdcm.TransferSyntax.JPEG2000Lossless,
    "RLE": gdcm.TransferSyntax.RLELossless,
}
PYDICOM_SYNTAXES = {"RLE": RLELossless, "JPEG-LS": JPEGLSLossless, "JPEG 2000": JPEG2000Lossless}
SYNTAXES = PYDICOM_SYNTAXES | {"JPEG lossless": GDCM_SYNTAXES["JPEG lossless, first order"]}


def words(bits, signed, seed=0):
    """Noise on steps, with the lowest and the highest value that `bits` hold."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = np.random.default_rng(seed).integers(low, high + 1, SHAPE) // 16 * 16
    values.flat[:2] = low, high
    return values.astype(np.int16 if signed else np.uint16)


def write_plain(path, values, bits=16):
    dataset = ct_dataset(values.astype(np.int32), intercept=0, signed=values.dtype == np.int16)
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.save_as(path, enforce_file_format=True)
    return path


def compress_with_pydicom(path, syntax, **options):
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False, **options)
    dataset.save_as(path)


ENCODERS = {f"{name} by gdcm": partial(compress_with_gdcm, syntax=at) for name, at in GDCM_SYNTAXES.items()}
ENCODERS |= {
    f"{name} by pydicom": partial(compress_with_pydicom, syntax=at) for name, at in PYDICOM_SYNTAXES.items()
}


def coded(folder, syntax=RLELossless, name="image.dcm", values=None):
    """Header of a compressed image; GDCM's syntaxes are numbers, pydicom's texts."""
    path = write_plain(folder / name, words(16, True) if values is None else values)
    (compress_with_pydicom if isinstance(syntax, str) else compress_with_gdcm)(path, syntax)
    return read_header(folder, name)


def spoil(folder, change, name="image.dcm"):
    """Let `change` work on the compressed bytes of an image."""
    dataset = pydicom.dcmread(folder / name)
    frame = bytearray(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    dataset.PixelData = encapsulate([bytes(change(frame))])
    dataset.save_as(folder / name)
    return read_header(folder, name)


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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_jpeg_lossless_that_lacks_bytes_within_is_refused(tmp_path, share, seed):
    """The decoder comes to the end too early; GDCM then fills up with zeros."""
    coded(tmp_path, SYNTAXES["JPEG lossless"], values=words(16, True, seed))
    header = spoil(
        tmp_path, lambda frame: frame[: (at := 200 + int(share * (len(frame) - 400)))] + frame[at + 150 :]
    )

    with pytest.raises(RefusedError, match="LM-D033"):
        read_stored(tmp_path, header)


def test_jpeg_lossless_of_another_size_than_declared_is_refused(tmp_path):
    def half_as_high(frame):
        at = frame.index(b"\xff\xc3") + 5
        frame[at : at + 2] = (SHAPE[0] // 2).to_bytes(2, "big")
        return frame

    coded(tmp_path, SYNTAXES["JPEG lossless"])
    header = spoil(tmp_path, half_as_high)

    with pytest.raises(RefusedError, match="LM-D033"):
        read_stored(tmp_path, header)


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


@pytest.fixture
def decoders():
    made = []

    def make(**limits):
        made.append(Decoders(Limits(**limits)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_decoder_that_hangs_costs_one_file(tmp_path, decoders):
    header = coded(tmp_path)
    good = coded(tmp_path, name="good.dcm")
    (tmp_path / "image.dcm").unlink()
    os.mkfifo(tmp_path / "image.dcm")  # whoever opens it waits for a writer
    ours = decoders(wall_s=1.5)

    with pytest.raises(RefusedError, match=r"LM-D033.*no end of decoding in 1\.5 s"):
        ours.decode(tmp_path, header)

    assert np.array_equal(ours.decode(tmp_path, good), words(16, True))


def test_a_decoder_that_dies_costs_one_file(tmp_path, decoders):
    header = coded(tmp_path)
    good = coded(tmp_path, name="good.dcm")
    (tmp_path / "image.dcm").unlink()
    os.mkfifo(tmp_path / "image.dcm")
    ours = decoders(wall_s=30.0)
    ours.decode(tmp_path, good)
    child = ours._child.pid
    threading.Timer(0.3, os.kill, (child, signal.SIGSEGV)).start()

    with pytest.raises(RefusedError, match=r"LM-D033.*ended with status -11"):
        ours.decode(tmp_path, header)

    assert np.array_equal(ours.decode(tmp_path, good), words(16, True))
    assert ours._child.pid != child


def test_a_decoder_without_end_is_stopped_by_its_processor_time(tmp_path, decoders):
    header = coded(tmp_path, JPEG2000Lossless, values=words(16, True).repeat(9, 0).repeat(9, 1))
    ours = decoders(cpu_s=-1.0)  # none beyond the second that is always there

    with pytest.raises(RefusedError, match=r"LM-D033.*ended with status -24"):  # SIGXCPU
        for _ in range(40):
            ours.decode(tmp_path, header)


def test_an_image_that_needs_too_much_memory_is_refused(tmp_path, decoders):
    side = 4000
    large = coded(tmp_path, RLELossless, values=np.zeros((side, side), np.int16))
    small = coded(tmp_path, name="good.dcm")
    ours = decoders(memory_bytes=16 << 20)

    with pytest.raises(RefusedError, match=r"LM-D03[13]"):
        ours.decode(tmp_path, large)

    assert np.array_equal(ours.decode(tmp_path, small), words(16, True))


def test_a_size_in_the_compressed_bytes_that_is_not_the_declared_one_is_refused(tmp_path):
    def sixty_thousand(frame):
        at = frame.index(b"\xff\x51") + 6  # SIZ: width and height
        frame[at : at + 8] = (60000).to_bytes(4, "big") * 2
        return frame

    coded(tmp_path, JPEG2000Lossless)
    header = spoil(tmp_path, sixty_thousand)

    with pytest.raises(RefusedError, match=r"LM-D0(31|33|23)"):
        read_stored(tmp_path, header)


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
