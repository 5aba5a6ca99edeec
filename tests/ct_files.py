"""Small CT series on disk, to read and to break."""

from itertools import permutations, product

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

SPACING_MM = (2.5, 0.8, 0.7)
ORIGIN_MM = (-10.0, 20.0, -100.0)
CANONICAL_AXES = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
AXIAL = ((0, 1, 2), (1, 1, 1))


def body_hu(shape=(6, 10, 12), seed=0):
    """Air around tissue around lung, every voxel with its own noise; (z, y, x) in canonical orientation."""
    noise = np.random.default_rng(seed).integers(-30, 31, shape)
    hu = np.full(shape, -1000)
    hu[:, 1:-1, 1:-1] = 40
    hu[:, 3:-3, 3:-5] = -850
    return (hu + noise).astype(np.int16)


def write_ct(folder, hu, orientation=AXIAL, *, intercept=-1024, signed=True, **tags):
    """Write a canonical volume as DICOM files whose axes are turned as `orientation` says.

    `orientation` is ((canonical axis of slices, of rows, of columns), (their signs)). `tags` are set in every
    file. Names and InstanceNumbers say nothing about the order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order, signs = orientation
    image = hu.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    directions = CANONICAL_AXES[list(order)] * np.array(signs)[:, None]
    spacing = np.array(SPACING_MM)[list(order)]
    corner = [0 if sign > 0 else size - 1 for sign, size in zip(signs, image.shape, strict=True)]
    origin = np.array(ORIGIN_MM)
    for axis, index in zip(order, corner, strict=True):
        origin = origin + CANONICAL_AXES[axis] * index * SPACING_MM[axis]
    names = np.random.default_rng(1).permutation(len(image))
    paths = []
    for index, plane in enumerate(image):
        dataset = ct_dataset(plane, intercept, signed)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{names[index] + 1}"
        dataset.InstanceNumber = int(names[index]) + 3
        dataset.ImagePositionPatient = list(origin + directions[0] * index * spacing[0])
        dataset.ImageOrientationPatient = [*directions[2], *directions[1]]
        dataset.PixelSpacing = [float(spacing[1]), float(spacing[2])]
        for name, value in tags.items():
            setattr(dataset, name, value)
        paths.append(folder / f"{names[index]:03}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def ct_dataset(hu, intercept=-1024, signed=True):
    """One CT image, without a place."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Manufacturer, dataset.ManufacturerModelName = "MAKER", "MODEL"
    dataset.ConvolutionKernel, dataset.KVP, dataset.SliceThickness = "B30f", "120", "7"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "MRN12345", "19500101"
    dataset.PatientSex, dataset.PatientAge = "F", "061Y"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.8", "1.2.9"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = hu.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(signed)
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", str(intercept)
    stored = (hu.astype(np.int32) - intercept).astype("<i2" if signed else "<u2")
    dataset.PixelData = np.ascontiguousarray(stored).tobytes()
    return dataset


def edit(path, **tags):
    """Set tags of a file, or delete those that are None."""
    dataset = pydicom.dcmread(path)
    for name, value in tags.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path)


def compress_with_gdcm(path, syntax=None):
    """To a syntax of `gdcm.TransferSyntax`, JPEG lossless by default: that has no other encoder here."""
    import gdcm  # not above: if it comes before zlib, deflating ends the process

    syntax = gdcm.TransferSyntax.JPEGLosslessProcess14_1 if syntax is None else syntax
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()


def set_stored(path, stored):
    """Replace the stored values of a file."""
    edit(path, PixelData=np.ascontiguousarray(stored).tobytes())


def write_frames(path, folder, *, own=(), **tags):
    """Write the files of `folder` into one Enhanced CT file at `path`, in an order of its own.

    Functional groups of `own` (keywords) go into every frame, the others are shared where they may be.
    """
    images = [pydicom.dcmread(each) for each in sorted(folder.iterdir())]
    dataset = pydicom.dcmread(sorted(folder.iterdir())[0])
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "InstanceNumber"):
        delattr(dataset, keyword)
    del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.SliceThickness
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.77"
    dataset.NumberOfFrames = len(images)
    dataset.PixelData = b"".join(image.PixelData for image in images)
    shared, frames = Dataset(), [Dataset() for _ in images]
    for keyword, group_of in FUNCTIONAL_GROUPS.items():
        per_frame = keyword in {*own, "PlanePositionSequence"}
        for group, image in zip(frames, images, strict=True) if per_frame else [(shared, images[0])]:
            setattr(group, keyword, [group_of(image)])
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def group_with(*keywords):
    def group_of(image):
        group = Dataset()
        for keyword in keywords:
            setattr(group, keyword, getattr(image, keyword))
        return group

    return group_of


FUNCTIONAL_GROUPS = {
    "PlanePositionSequence": group_with("ImagePositionPatient"),
    "PlaneOrientationSequence": group_with("ImageOrientationPatient"),
    "PixelMeasuresSequence": group_with("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": group_with("RescaleSlope", "RescaleIntercept"),
}


def edit_frames(path, change):
    """Let `change` work on the data set of an Enhanced CT file."""
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
