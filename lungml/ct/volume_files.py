"""NIfTI, NRRD and MetaImage files as HU volumes in canonical orientation, and as single images.

A file is read by the reader of its suffix alone, geometry and voxels; what it must be is what a DICOM series
must be. Nothing is resampled. Values below -1500 HU are padding, as undeclared padding of DICOM is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.ct import image_header, nifti
from lungml.ct.geometry import Geometry
from lungml.ct.hounsfield import UNDECLARED_PADDING_HU
from lungml.ct.orientation import orientation_of
from lungml.ct.rules import MAX_SIDE, MAX_SPACING_MM
from lungml.ct.statistics import Collector, ImageStatistics
from lungml.ct.volume import Hu, Mask, Volume
from lungml.params.data import CtParams
from lungml.quarantine import Finding, RefusedError, finding
from lungml.terms import AIR_HU

READERS = {
    ".nii": "NiftiImageIO",
    ".nii.gz": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
}
"""Suffix -> SimpleITK's reader."""


@dataclass(frozen=True)
class InspectedFile:
    """A volume file that can be used."""

    geometry: Geometry
    statistics: ImageStatistics
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Image:
    """A single image: HU and padding, each (y, x) in the order of the file.

    `spacing_mm` is (y, x), NaN where the file does not say.
    """

    hu: Hu
    padding: Mask
    spacing_mm: tuple[float, float]


def volume_suffix(path: str) -> str:
    """The suffix that makes a name one of a volume file, in lower case; '' if it is none."""
    name = path.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), "")


def geometry_of_file(raw: Path, path: str, params: CtParams) -> Geometry:
    """Where the voxels of a volume file lie; its voxels are not read.

    Raises:
        RefusedError: it cannot be a CT volume (LM-D030, LM-D053, LM-D060 to LM-D067).
    """
    return _geometry(_open_volume(raw, path), path, params)


def read_volume_file(raw: Path, path: str, params: CtParams | None = None) -> Volume:
    """Read a volume file.

    Raises:
        RefusedError: it cannot be a CT volume (LM-D030, LM-D053, LM-D060 to LM-D067).
    """
    reader = _open_volume(raw, path)
    geometry = _geometry(reader, path, params or _TOLERANT)
    hu, padding = _to_hounsfield(_stored(reader, raw, path), path)
    turn = geometry.orientation.turn
    return Volume(
        hu=np.ascontiguousarray(turn(hu.reshape(geometry.file_shape))),
        padding=np.ascontiguousarray(turn(padding.reshape(geometry.file_shape))),
        spacing_mm=geometry.spacing_mm,
        origin_mm=geometry.origin_mm,
        direction=geometry.direction,
    )


_TOLERANT = CtParams(min_slices=2, max_volume_gib=1e6)
"""What the index decided is not decided again."""


def inspect_volume_file(raw: Path, path: str, params: CtParams) -> InspectedFile:
    """Check a volume file and read its voxels once.

    Raises:
        RefusedError: it is set aside; the finding says why.
    """
    geometry = geometry_of_file(raw, path, params)
    volume = read_volume_file(raw, path, params)
    statistics = _statistics(volume.hu, volume.padding, path)
    notes = []
    if statistics.padding_fraction > 0:
        notes.append(finding("LM-D027", path, f"{statistics.padding_fraction:.1%} of pixels"))
    return InspectedFile(geometry, statistics, tuple(notes))


def read_image_file(raw: Path, path: str) -> Image:
    """Read a file that holds one image, with two axes or a third of length one.

    Raises:
        RefusedError: it is no grey image in HU (LM-D030, LM-D060 to LM-D067).
    """
    reader = _open(raw, path)
    sizes = (
        [size for size in reader.GetSize() if size != 1] if reader.GetDimension() > 2 else reader.GetSize()
    )
    if reader.GetDimension() > 3 or len(sizes) > 2:
        raise RefusedError(finding("LM-D062", path, f"{' x '.join(map(str, reader.GetSize()))}", "one image"))
    columns, rows = reader.GetSize()[:2]
    _refuse_large(rows, columns, path)
    hu, padding = _to_hounsfield(_stored(reader, raw, path), path)
    x_mm, y_mm = reader.GetSpacing()[:2] if image_header.has_spacing(raw / path) else (np.nan, np.nan)
    return Image(hu.reshape(rows, columns), padding.reshape(rows, columns), (float(y_mm), float(x_mm)))


def inspect_image(image: Image, path: str) -> ImageStatistics:
    """Statistics of a whole slice.

    Raises:
        RefusedError: it holds one value throughout (LM-D066), or no HU of a body in air (LM-D025).
    """
    return _statistics(image.hu[None], image.padding[None], path)


def _statistics(hu: Hu, padding: Mask, path: str) -> ImageStatistics:
    if hu.min() == hu.max():
        raise RefusedError(finding("LM-D066", path, f"{hu.min()} everywhere"))
    collector = Collector()
    for plane, outside in zip(hu, padding, strict=True):
        collector.add(plane, outside)
    return collector.result(path)


def _open_volume(raw: Path, path: str) -> Any:
    """The same of a file that says where its voxels lie."""
    reader = _open(raw, path)
    if volume_suffix(path).startswith(".nii"):
        nifti.check_place(raw, path)
    image_header.check_place(raw, path)
    return reader


def _open(raw: Path, path: str) -> Any:
    """SimpleITK's reader of the file, its header read and the kind of its values checked."""
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


def _stored(reader: Any, raw: Path, path: str) -> NDArray[Any]:
    """(voxels,): with the file's own slope and intercept, in the order slice, row, column."""
    if volume_suffix(path).startswith(".nii"):
        return nifti.read_values(raw, path)  # SimpleITK fills what is missing of a file with zeros
    import SimpleITK

    with _sitk_errors(path):
        values: NDArray[Any] = SimpleITK.GetArrayFromImage(reader.Execute())
    return values.ravel()


def _to_hounsfield(values: NDArray[Any], path: str) -> tuple[Hu, Mask]:
    """HU, rounded to whole numbers (halves to even), -1000 where padding; and the padding mask."""
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


def _geometry(reader: Any, path: str, params: CtParams) -> Geometry:
    sizes = list(reader.GetSize())
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3:
        raise RefusedError(finding("LM-D062", path, " x ".join(map(str, sizes)), "three axes"))
    columns, rows, slices = sizes
    _refuse_large(rows, columns, path)
    if slices < params.min_slices:
        raise RefusedError(finding("LM-D053", path, f"{slices}", f"at least {params.min_slices}"))
    gib = slices * rows * columns * 2 / 2**30
    if gib > params.max_volume_gib:
        raise RefusedError(
            finding("LM-D030", path, f"{gib:.1f} GiB", f"at most {params.max_volume_gib:g} GiB")
        )
    return _grid(reader, (slices, rows, columns), path)


def _refuse_large(rows: int, columns: int, path: str) -> None:
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE):
        raise RefusedError(finding("LM-D030", path, f"{rows} x {columns} pixels", f"1 to {MAX_SIDE} each"))


def _grid(reader: Any, file_shape: tuple[int, int, int], path: str) -> Geometry:
    spacing, origin = (np.array(values[:3]) for values in (reader.GetSpacing(), reader.GetOrigin()))
    if volume_suffix(path).startswith(".nii"):
        spacing, origin = (_as_written(values) for values in (spacing, origin))
    axes = reader.GetDimension()
    directions = np.reshape(reader.GetDirection(), (axes, axes))[:3, 2::-1]
    spacing = spacing[::-1]
    _refuse_impossible(spacing, directions, path)
    orientation = orientation_of(directions)
    corner = np.zeros(3)
    for axis, source in enumerate(orientation.order):
        corner[source] = file_shape[source] - 1 if orientation.flipped[axis] else 0
    first = origin + directions @ (corner * spacing)
    order = list(orientation.order)
    z_mm, y_mm, x_mm = (float(value) for value in spacing[order])
    return Geometry(
        orientation=orientation,
        file_shape=file_shape,
        positions_mm=float(origin @ directions[:, 0]) + spacing[0] * np.arange(file_shape[0]),
        spacing_mm=(z_mm, y_mm, x_mm),
        origin_mm=(float(first[0]), float(first[1]), float(first[2])),
        direction=directions[:, order] * np.where(orientation.flipped, -1.0, 1.0),
        gaps=(),
    )


def _as_written(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest decimals that 32-bit numbers stand for: 0.7, not 0.699999988."""
    return np.array([float(str(value)) for value in values.astype(np.float32)])


def _refuse_impossible(spacing: NDArray[np.float64], directions: NDArray[np.float64], path: str) -> None:
    if not (np.isfinite(spacing).all() and (spacing > 0).all() and (spacing <= MAX_SPACING_MM).all()):
        found = f"spacing {', '.join(f'{value:g}' for value in spacing)} mm"
        raise RefusedError(finding("LM-D064", path, found, f"above 0, at most {MAX_SPACING_MM:g}"))
    skew = np.abs(directions.T @ directions - np.eye(3)).max()
    if not skew <= _UNIT_TOLERANCE:
        raise RefusedError(finding("LM-D064", path, "axes that are not perpendicular", "perpendicular axes"))


_UNIT_TOLERANCE = 1e-3
