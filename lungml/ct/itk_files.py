"""Files in the formats that SimpleITK reads, opened with care: what a volume and a single image share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.ct import image_header, nifti
from lungml.ct.hounsfield import UNDECLARED_PADDING_HU
from lungml.ct.rules import MAX_SIDE
from lungml.ct.statistics import Collector, ImageStatistics
from lungml.ct.volume import Hu, Mask
from lungml.quarantine import RefusedError, finding
from lungml.terms import AIR_HU

READERS = {
    ".nii": "NiftiImageIO",
    ".nii.gz": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
}
"""Suffix -> SimpleITK's reader."""


def volume_suffix(path: str) -> str:
    """The suffix that makes a name one of a volume file, in lower case; '' if it is none."""
    name = path.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), "")


def open_file(raw: Path, path: str) -> Any:
    """SimpleITK's reader of the file, its header read and the kind of its values checked.

    Raises:
        RefusedError: LM-D060, LM-D061, LM-D063 or LM-D067.
    """
    import SimpleITK

    suffix = volume_suffix(path)
    image_header.check(raw, path)
    if suffix.startswith(".nii"):
        nifti.check(raw, path)
    reader = SimpleITK.ImageFileReader()  # type: ignore[no-untyped-call]
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # type: ignore[no-untyped-call]
    reader.SetImageIO(READERS[suffix])  # type: ignore[no-untyped-call]
    reader.SetFileName(str(raw / path))  # type: ignore[no-untyped-call]
    with _sitk_errors(path):
        reader.ReadImageInformation()  # type: ignore[no-untyped-call]
    kind = SimpleITK.GetPixelIDValueAsString(reader.GetPixelID())  # type: ignore[no-untyped-call]
    if kind not in _KINDS or reader.GetNumberOfComponents() != 1:  # type: ignore[no-untyped-call]
        raise RefusedError(finding("LM-D061", path, kind, "one grey value of 16 bits or more a voxel"))
    return reader


_KINDS = (
    "16-bit signed integer",
    "16-bit unsigned integer",
    "32-bit signed integer",
    "32-bit unsigned integer",
    "32-bit float",
    "64-bit float",
)


@contextmanager
def _sitk_errors(path: str) -> Iterator[None]:
    """SimpleITK says everything with RuntimeError, over many lines and with the whole path."""
    try:
        yield
    except RuntimeError as error:
        raise RefusedError(finding("LM-D060", path, "a file its reader refuses", "a whole file")) from error


def stored_values(reader: Any, raw: Path, path: str) -> NDArray[Any]:
    """(voxels,): with the file's own slope and intercept, in the order slice, row, column.

    Raises:
        RefusedError: the file ends early or is damaged (LM-D060).
    """
    if volume_suffix(path).startswith(".nii"):
        return nifti.read_values(raw, path)  # SimpleITK fills what is missing of a file with zeros
    import SimpleITK

    with _sitk_errors(path):
        values: NDArray[Any] = SimpleITK.GetArrayFromImage(reader.Execute())
    return values.ravel()


def to_hounsfield(values: NDArray[Any], path: str) -> tuple[Hu, Mask]:
    """HU, rounded to whole numbers (halves to even), -1000 where padding; and the padding mask.

    Raises:
        RefusedError: values are no numbers (LM-D063) or beyond 16 bits (LM-D025).
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError(finding("LM-D063", path, "NaN or infinite values", "finite numbers"))
    if high > _INT16.max:
        raise RefusedError(finding("LM-D025", path, f"HU up to {high:g}", f"at most {_INT16.max}"))
    rounded = values if values.dtype.kind in "iu" else np.rint(values)
    padding = rounded < UNDECLARED_PADDING_HU
    if low < _INT16.min:
        rounded = np.maximum(rounded, _INT16.min)
    hu = rounded.astype(np.int16)
    hu[padding] = AIR_HU
    return hu, padding


_INT16 = np.iinfo(np.int16)


def refuse_large(rows: int, columns: int, path: str) -> None:
    """Refuse planes that no CT has (LM-D030)."""
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE):
        raise RefusedError(finding("LM-D030", path, f"{rows} x {columns} pixels", f"1 to {MAX_SIDE} each"))


def statistics_of(hu: Hu, padding: Mask, path: str) -> ImageStatistics:
    """Statistics of (planes, y, x).

    Raises:
        RefusedError: it holds one value throughout (LM-D066), or no HU of a body in air (LM-D025).
    """
    if hu.min() == hu.max():
        raise RefusedError(finding("LM-D066", path, f"{hu.min()} everywhere"))
    collector = Collector()
    for plane, outside in zip(hu, padding, strict=True):
        collector.add(plane, outside)
    return collector.result(path)
