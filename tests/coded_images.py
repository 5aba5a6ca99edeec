"""One CT image as the codecs of GDCM and pydicom write it, whole and spoiled."""

import gdcm
import numpy as np
import pydicom
from ct_files import compress_with_gdcm, ct_dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from lungml.ct.read_header import read_header

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
