"""CT series out: DICOM files as a scanner would send them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from lungml.errors import OutputError

_IMPLEMENTATION_UID = "2.25.271828182845904523536028747135266249775"


@dataclass(frozen=True)
class PixelStorage:
    """How HU become stored values: stored = HU - `rescale_intercept`, with slope 1.

    `padding_stored` is the stored value outside the reconstructed circle (None: there is no circle);
    `padding_declared` says whether PixelPaddingValue tells so.
    """

    rescale_intercept: int
    signed: bool
    bits_stored: int
    padding_stored: int | None = None
    padding_declared: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest stored value."""
        half = 1 << (self.bits_stored - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


@dataclass(frozen=True)
class SeriesHeader:
    """What all files of a series share; `rows_direction` and `columns_direction` are unit LPS vectors.

    `rows_direction` is the way along a row (column index grows), `columns_direction` the way down a column.
    `pixel_spacing_mm` is (between rows, between columns), as DICOM has it.
    """

    patient_id: str
    sex: str
    age_years: int
    study_uid: str
    series_uid: str
    frame_uid: str
    manufacturer: str
    model: str
    kernel: str
    kvp: int
    current_ma: int
    slice_thickness_mm: float
    reconstruction_diameter_mm: float
    patient_position: str
    rows_direction: tuple[float, float, float]
    columns_direction: tuple[float, float, float]
    pixel_spacing_mm: tuple[float, float]
    description: str
    storage: PixelStorage


@dataclass(frozen=True)
class PlaneHeader:
    """What is a file's own: `position_mm` is the LPS centre of its first pixel."""

    file_name: str
    sop_uid: str
    instance_number: int
    position_mm: tuple[float, float, float]


def to_stored(
    image_hu: NDArray[np.int16], outside: NDArray[np.bool_] | None, storage: PixelStorage
) -> NDArray[np.int16] | NDArray[np.uint16]:
    """Turn HU into stored values, clipped to what the bits can hold.

    Args:
        image_hu: any shape.
        outside: same trailing shape; True outside the reconstructed circle.
        storage: how the values are coded.
    """
    low, high = storage.limits
    stored = np.clip(image_hu.astype(np.int32) - storage.rescale_intercept, low, high)
    if outside is not None and storage.padding_stored is not None:
        stored[..., outside] = storage.padding_stored
    return stored.astype(np.int16) if storage.signed else stored.astype(np.uint16)


def write_series(
    folder: Path,
    stored: NDArray[np.int16] | NDArray[np.uint16],
    header: SeriesHeader,
    planes: Sequence[PlaneHeader],
) -> None:
    """Write one file per plane into `folder`, which is made.

    Args:
        folder: of the series.
        stored: (n, rows, columns) stored values, see `to_stored`.
        header: of the series.
        planes: n of them, in the order of `stored`.

    Raises:
        OutputError: the folder cannot be written.
    """
    common = _common(header, stored.shape[1:])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for pixels, plane in zip(stored, planes, strict=True):
            _write_plane(folder / plane.file_name, common, pixels, plane)
    except OSError as error:
        raise OutputError(
            f"cannot write a CT series: {error.strerror or error}; free space or choose another place, "
            "and run the same command again"
        ) from error


def write_nrrd(path: Path, image_hu: NDArray[np.int16], spacing_mm: tuple[float, float]) -> None:
    """Write one plane of HU (rows, columns) as a two-dimensional NRRD file; spacing is (y, x).

    Raises:
        OutputError: the file cannot be written.
    """
    import SimpleITK

    picture = SimpleITK.GetImageFromArray(image_hu)
    picture.SetSpacing((spacing_mm[1], spacing_mm[0]))  # type: ignore[no-untyped-call]
    try:
        SimpleITK.WriteImage(picture, str(path), useCompression=True)
    except RuntimeError as error:
        raise OutputError(
            f"cannot write an NRRD file into {path.parent}; check that the folder is there and has space"
        ) from error


def decimal_string(value: float) -> str:
    """A DICOM decimal string: at most 16 characters, no exponent, no negative zero."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _write_plane(path: Path, common: Dataset, pixels: NDArray[np.generic], plane: PlaneHeader) -> None:
    dataset = FileDataset(path, common, preamble=b"\0" * 128, file_meta=_file_meta(plane.sop_uid))
    dataset.SOPInstanceUID = plane.sop_uid
    dataset.InstanceNumber = plane.instance_number
    dataset.ImagePositionPatient = [decimal_string(value) for value in plane.position_mm]
    dataset.SliceLocation = decimal_string(plane.position_mm[2])
    dataset.PixelData = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def _file_meta(sop_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "LUNGML"
    return meta


def _common(header: SeriesHeader, shape: tuple[int, ...]) -> Dataset:
    dataset = Dataset()
    _add_patient_and_study(dataset, header)
    _add_acquisition(dataset, header)
    _add_geometry(dataset, header)
    _add_pixels(dataset, header.storage, shape)
    return dataset


def _add_patient_and_study(dataset: Dataset, header: SeriesHeader) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20000101"
    dataset.StudyTime = dataset.ContentTime = ""
    dataset.AccessionNumber = ""
    dataset.Modality = "CT"
    dataset.Manufacturer = header.manufacturer
    dataset.ReferringPhysicianName = ""
    dataset.SeriesDescription = header.description
    dataset.ManufacturerModelName = header.model
    dataset.PatientName = ""
    dataset.PatientID = header.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = header.sex
    dataset.PatientAge = f"{header.age_years:03d}Y"
    dataset.QualityControlSubject = "YES"
    dataset.StudyInstanceUID = header.study_uid
    dataset.SeriesInstanceUID = header.series_uid
    dataset.StudyID = ""
    dataset.SeriesNumber = 2


def _add_acquisition(dataset: Dataset, header: SeriesHeader) -> None:
    dataset.BodyPartExamined = "CHEST"
    dataset.ScanOptions = "HELICAL MODE"
    dataset.SliceThickness = decimal_string(header.slice_thickness_mm)
    dataset.KVP = decimal_string(header.kvp)
    dataset.ReconstructionDiameter = decimal_string(header.reconstruction_diameter_mm)
    dataset.GantryDetectorTilt = "0"
    dataset.XRayTubeCurrent = header.current_ma
    dataset.ConvolutionKernel = header.kernel
    dataset.PatientPosition = header.patient_position


def _add_geometry(dataset: Dataset, header: SeriesHeader) -> None:
    directions = (*header.rows_direction, *header.columns_direction)
    dataset.ImageOrientationPatient = [decimal_string(value) for value in directions]
    dataset.FrameOfReferenceUID = header.frame_uid
    dataset.PositionReferenceIndicator = "SN"
    dataset.PixelSpacing = [decimal_string(value) for value in header.pixel_spacing_mm]


def _add_pixels(dataset: Dataset, storage: PixelStorage, shape: tuple[int, ...]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = storage.bits_stored
    dataset.HighBit = storage.bits_stored - 1
    dataset.PixelRepresentation = int(storage.signed)
    if storage.padding_declared and storage.padding_stored is not None:
        dataset.add_new("PixelPaddingValue", "SS" if storage.signed else "US", storage.padding_stored)
    dataset.WindowCenter, dataset.WindowWidth = "-600", "1600"
    dataset.RescaleIntercept = str(storage.rescale_intercept)
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
