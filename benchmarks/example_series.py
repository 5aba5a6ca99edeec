"""A CT series to read: the same image in every coding that lungml promises to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from scipy.ndimage import gaussian_filter

from lungml.ct.write import PixelStorage, PlaneHeader, SeriesHeader, to_stored, write_series


def example_hu(slices: int, side: int, seed: int = 0) -> NDArray[np.int16]:
    """Air, a body of tissue, two lungs and the noise of a CT; (slices, side, side)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    hu = np.full((side, side), -1000.0)
    hu[(x / 0.9) ** 2 + (y / 0.7) ** 2 < 1] = 40
    for centre in (-0.4, 0.4):
        hu[((x - centre) / 0.3) ** 2 + (y / 0.5) ** 2 < 1] = -850
    hu = gaussian_filter(hu, 0.8)
    planes = [hu + gaussian_filter(rng.normal(0, 45, hu.shape), 0.7) for _ in range(slices)]
    return np.round(planes).astype(np.int16)


def write_example(folder: Path, hu: NDArray[np.int16], series: int = 1) -> list[str]:
    """Write an uncompressed series with -2000 outside the circle; gives the names of its files."""
    storage = PixelStorage(-1024, signed=True, bits_stored=16, padding_stored=-2000, padding_declared=True)
    side = hu.shape[1]
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    planes = [
        PlaneHeader(
            f"{index:04}.dcm", f"2.25.{series}.{index + 1}", index + 1, (-180.0, -180.0, 1.25 * index)
        )
        for index in range(len(hu))
    ]
    write_series(folder, to_stored(hu, x**2 + y**2 > 1, storage), _header(storage, side, series), planes)
    return [plane.file_name for plane in planes]


def _header(storage: PixelStorage, side: int, series: int) -> SeriesHeader:
    return SeriesHeader(
        patient_id=f"patient-{series}", sex="F", age_years=60,
        study_uid=f"2.25.{series}.8888", series_uid=f"2.25.{series}.9999", frame_uid=f"2.25.{series}.7777",
        manufacturer="MAKER", model="MODEL", kernel="B30f", kvp=120, current_ma=100,
        slice_thickness_mm=1.25, reconstruction_diameter_mm=360.0, patient_position="HFS",
        rows_direction=(1.0, 0.0, 0.0), columns_direction=(0.0, 1.0, 0.0),
        pixel_spacing_mm=(360 / side, 360 / side), description="CHEST", storage=storage,
    )  # fmt: skip


def _deflated(source: Path, target: Path) -> None:
    dataset = pydicom.dcmread(source)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(target)


def _encoded(syntax: str) -> Callable[[Path, Path], None]:
    def encode(source: Path, target: Path) -> None:
        dataset = pydicom.dcmread(source)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(target)

    return encode


def _jpeg_lossless(source: Path, target: Path) -> None:
    # Not above: if gdcm comes before zlib, deflating ends the process.
    import gdcm  # type: ignore[import-untyped]

    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(source))
    if not reader.Read():
        raise OSError(f"GDCM cannot read {source.name}")
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    if not change.Change():
        raise OSError(f"GDCM cannot compress {source.name}")
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    if not writer.Write():
        raise OSError(f"GDCM cannot write {target.name}")


CODINGS: dict[str, Callable[[Path, Path], None]] = {
    "deflated": _deflated,
    "RLE": _encoded(RLELossless),
    "JPEG-LS": _encoded(JPEGLSLossless),
    "JPEG lossless": _jpeg_lossless,
    "JPEG 2000": _encoded(JPEG2000Lossless),
}
"""Name -> how one uncompressed file becomes a coded one."""
