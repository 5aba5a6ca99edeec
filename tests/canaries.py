"""A folder of CT, readings, volumes and tables with a marked word in every kind of place a name can hide."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

import numpy as np
import pydicom
from ct_files import body_hu, write_ct
from lidc_files import lidc_xml, nodule, roi
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.workbook.defined_name import DefinedName
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

LO_TAGS = (
    "Manufacturer", "ManufacturerModelName", "InstitutionName", "InstitutionalDepartmentName", "PatientID",
    "StudyDescription", "SeriesDescription", "IssuerOfPatientID", "OtherPatientIDs", "PatientAddress",
    "MedicalRecordLocator", "AdmissionID", "DeviceSerialNumber", "ProtocolName", "ContrastBolusAgent",
    "SoftwareVersions", "PositionReferenceIndicator", "DeidentificationMethod",
)  # fmt: skip
SH_TAGS = (
    "AccessionNumber", "StationName", "StudyID", "ConvolutionKernel", "EthnicGroup", "Occupation",
    "PatientTelephoneNumbers", "TimezoneOffsetFromUTC",
)  # fmt: skip
PN_TAGS = (
    "PatientName", "ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName", "PatientBirthName",
    "PhysiciansOfRecord", "OtherPatientNames", "ResponsiblePerson",
)  # fmt: skip
LONG_TAGS = ("PatientComments", "ImageComments", "AdditionalPatientHistory", "InstitutionAddress")
CODE_TAGS = ("ScanOptions", "BodyPartExamined", "PatientSex", "PatientPosition", "FilterType")
DATE_TAGS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PatientBirthDate")
UID_TAGS = (
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "IrradiationEventUID",
    "DeviceUID",
    "InstanceCreatorUID",
)


@dataclass
class Canaries:
    """The words, by the place they are in."""

    words: dict[str, str] = field(default_factory=dict)

    def new(self, place: str) -> str:
        """A word for a place: letters and a number, as a name; 10 characters."""
        word = f"CNRY{len(self.words):03}QZX"
        return self.words.setdefault(place, word)

    def date(self, place: str) -> str:
        return self.words.setdefault(place, f"19{len(self.words):02}0317")

    def uid(self, place: str) -> str:
        return self.words.setdefault(place, f"1.2.826.777.{len(self.words)}.4711")


def write_canaries(folder) -> Canaries:
    """Write the folder; its series and readings are sound, so that the index takes them."""
    birds = Canaries()
    series = folder / birds.new("folder name") / "Ünïcode dir"
    paths = write_ct(series, body_hu(), PatientName="", PatientBirthDate="")
    values = _values(birds)
    for path in paths:
        _mark(path, birds, values)
    name = birds.new("file name")
    paths[0].rename(paths[0].with_name(f"{name}.dcm"))
    _mark_syntaxes(folder, birds)
    _write_readings(folder, birds, values["StudyInstanceUID"])
    _write_sheet(folder / "labels.xlsx", birds)
    _write_csv(folder / "points.csv", birds)
    write_volumes(folder, birds)
    _write_others(folder, birds)
    return birds


def _values(birds):
    values = {keyword: birds.new(f"LO {keyword}") for keyword in LO_TAGS}
    values |= {keyword: birds.new(f"SH {keyword}") for keyword in SH_TAGS}
    values |= {keyword: f"{birds.new(f'PN {keyword}')}^Ann" for keyword in PN_TAGS}
    values |= {keyword: birds.new(f"text {keyword}") for keyword in LONG_TAGS}
    values |= {keyword: birds.new(f"CS {keyword}") for keyword in CODE_TAGS}
    values |= {keyword: birds.date(f"DA {keyword}") for keyword in DATE_TAGS}
    values |= {keyword: birds.uid(f"UI {keyword}") for keyword in UID_TAGS}
    values["RetrieveAETitle"] = birds.new("AE")
    values["AcquisitionDateTime"] = birds.date("DT") + "101112"
    values["RetrieveURL"] = f"https://{birds.new('UR')}.example"
    values["TextValue"] = birds.new("UT")
    values["LongCodeValue"] = birds.new("UC")
    values["ImageType"] = ["ORIGINAL", "PRIMARY", "AXIAL", birds.new("ImageType")]
    return values


def _mark(path, birds, values):
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    private = dataset.private_block(0x0011, birds.new("private creator"), create=True)
    private.add_new(0x01, "LO", birds.new("private LO"))
    private.add_new(0x02, "UN", birds.new("private UN").encode())
    inner = Dataset()
    inner.PatientName = birds.new("PN in a sequence in a sequence")
    outer = Dataset()
    outer.add_new("ReferencedPatientSequence", "SQ", [inner])
    outer.CodeMeaning = birds.new("LO in a sequence")
    dataset.add_new("RequestAttributesSequence", "SQ", [outer])
    dataset.add_new(0x60000022, "LO", birds.new("overlay description"))
    dataset.add_new(0x60003000, "OW", birds.new("overlay data").encode())
    dataset.add_new(0x50003000, "OW", birds.new("curve data").encode())
    dataset.add_new("ICCProfile", "OB", birds.new("ICC profile").encode())
    dataset.add_new("DataSetTrailingPadding", "OB", birds.new("trailing padding").encode())
    meta = dataset.file_meta
    meta.SourceApplicationEntityTitle = birds.new("source AE title")
    meta.ImplementationVersionName = birds.new("implementation version")
    meta.PrivateInformationCreatorUID = birds.uid("private information creator")
    meta.PrivateInformation = birds.new("private information").encode()
    dataset.preamble = birds.new("preamble").encode().ljust(128, b"\0")
    dataset.save_as(path, enforce_file_format=True)


def _mark_syntaxes(folder, birds):
    """The same in implicit and deflated files, and in objects that are left out."""
    for name, syntax in (("implicit", ImplicitVRLittleEndian), ("deflated", DeflatedExplicitVRLittleEndian)):
        for path in write_ct(folder / name, body_hu(), SeriesInstanceUID=f"1.2.9.{len(name)}"):
            dataset = pydicom.dcmread(path)
            dataset.PatientName = birds.new(f"PN, {name}")
            dataset.file_meta.TransferSyntaxUID = syntax
            dataset.save_as(
                path, enforce_file_format=True, implicit_vr=name == "implicit", little_endian=True
            )
    for name, change in (
        ("burned in", {"BurnedInAnnotation": "YES"}),
        ("secondary capture", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}),
        ("localizer", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
    ):
        write_ct(folder / name, body_hu()[:1], PatientName=birds.new(f"PN, {name}"), **change)
    path = write_ct(folder / "trailing", body_hu()[:1])[0]
    dataset = pydicom.dcmread(path)
    dataset.PixelData += birds.new("behind the pixels").encode()
    dataset.save_as(path)


def _write_readings(folder, birds, study):
    text = lidc_xml([[nodule(roi(-95.0), roi(-92.5))], [nodule(roi(-95.0))]], study_uid=study)
    header = "<ResponseHeader>"
    marked = (
        f"{header}<PatientName>{birds.new('XML text')}</PatientName><!-- {birds.new('XML comment')} -->"
        f"<RequestingSite code='{birds.new('XML attribute')}'/><?site {birds.new('XML instruction')}?>"
        f"<{birds.new('XML element name')}/><![CDATA[{birds.new('XML CDATA')}]]>"
    )
    text = text.replace(header, marked).replace(
        "<noduleID>n</noduleID>", f"<noduleID>{birds.new('XML nodule id')}</noduleID>"
    )
    rater = f"<servicingRadiologistID>{birds.new('XML reader')}</servicingRadiologistID>"
    text = text.replace("<readingSession>", f"<readingSession>{rater}") + f"<!-- {birds.new('XML end')} -->"
    (folder / "readings.xml").write_text(text, encoding="utf-8")
    (folder / "utf16.xml").write_text(
        f'<?xml version="1.0" encoding="UTF-16"?><x>{birds.new("XML in UTF-16")}</x>', encoding="utf-16"
    )


def _write_sheet(path, birds):
    book = Workbook()
    sheet = book.active
    sheet.title = birds.new("xlsx sheet name")
    sheet.append(["Full_slice", "Nodule", "TumorClass", "PatientID", "Remark", birds.new("xlsx header")])
    sheet.append(["a.nrrd", "b.nrrd", 3, birds.new("xlsx patient id"), birds.new("xlsx cell"), 1])
    sheet.append([birds.new("xlsx path"), "b.nrrd", birds.new("xlsx label"), "", '=CONCAT("x")', 1])
    sheet["A2"].comment = Comment(birds.new("xlsx comment"), birds.new("xlsx comment author"))
    sheet["A3"].hyperlink = f"https://{birds.new('xlsx link')}.example"
    sheet.oddHeader.center.text = birds.new("xlsx page header")
    hidden = book.create_sheet("hidden")
    hidden["A1"] = birds.new("xlsx hidden sheet")
    hidden.sheet_state = "hidden"
    book.properties.creator = birds.new("xlsx creator")
    book.properties.title = birds.new("xlsx title")
    book.properties.lastModifiedBy = birds.new("xlsx last modified by")
    book.defined_names["mine"] = DefinedName("mine", attr_text=f'"{birds.new("xlsx defined name")}"')
    book.save(path)


def _write_csv(path, birds):
    path.write_text(
        f"series,patient_id,x,y,z,label,comment,{birds.new('CSV header')}\n"
        f"{birds.new('CSV path')}/a.nrrd,{birds.new('CSV patient id')},1,2,3,1,{birds.new('CSV cell')},2\n"
        f"a.nrrd,p2,{birds.new('CSV in a number')},2,3,benign,,{birds.new('CSV last')}\n",
        encoding="utf-8",
    )


def write_volumes(folder, birds):
    """NRRD, NIfTI and MetaImage files of 2 x 3 x 4 voxels, the numbers 0 to 23."""
    voxels = np.arange(24, dtype="<i2").tobytes()
    nrrd = (
        "NRRD0004\n# {comment}\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\n"
        "space directions: (0.5,0,0) (0,0.5,0) (0,0,2)\nkinds: domain domain domain\nendian: little\n"
        'content: {content}\nsample units: {units}\nlabels: "{labels}" "" ""\n{key}:={value}\n'
        "space origin: (1,2,3)\n"
    )
    marks = ("comment", "content", "units", "labels", "key", "value")
    for name, encoding in (("raw", "raw"), ("packed", "gzip")):
        words = {mark: birds.new(f"NRRD {name} {mark}") for mark in marks}
        data = voxels if encoding == "raw" else gzip.compress(voxels)
        text = nrrd.format(**words) + f"encoding: {encoding}\n\n"
        (folder / f"{name}.nrrd").write_bytes(text.encode() + data + birds.new(f"NRRD {name} end").encode())
    with (folder / "named.nrrd").open("wb") as stream:
        stream.write((nrrd.format(**dict.fromkeys(marks, "x")) + "encoding: gzip\n\n").encode())
        with gzip.GzipFile(birds.new("gzip file name in NRRD"), "wb", fileobj=stream) as packed:
            packed.write(voxels)
    for name in ("volume.nii", "volume.nii.gz"):
        (folder / name).write_bytes(_nifti(name, voxels, birds))
    text = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = {packed}\n{size}TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\n"
        "Comment = {comment}\nName = {name}\nPatientName = {patient}\n0010|0010 = {tag}\n"
        "AnatomicalOrientation = RAI\nElementSpacing = 0.5 0.5 2\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
        "ElementDataFile = {file}\n"
    )
    for name, packed in (("volume.mha", False), ("packed.mha", True), ("header.mhd", False)):
        words = {mark: birds.new(f"{name} {mark}") for mark in ("comment", "name", "patient", "tag")}
        local = name.endswith(".mha")
        part = "LOCAL" if local else f"{birds.new('MHD data file')}.raw"
        data = zlib.compress(voxels) if packed else voxels
        words["size"] = f"CompressedDataSize = {len(data)}\n" if packed else ""
        data += birds.new(f"{name} end").encode()
        (folder / name).write_bytes(text.format(**words, packed=packed, file=part).encode() + data * local)
        if not local:
            (folder / part).write_bytes(data)


def _nifti(name, voxels, birds):
    head = bytearray(348)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 4, 3, 2, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, 0.5, 0.5, 2, 0, 0, 0, 0)
    struct.pack_into("<f", head, 108, 352 + 32)
    struct.pack_into("<h", head, 252, 1)
    struct.pack_into("<3f", head, 268, 1, 2, 3)
    for place, at in (("descrip", 148), ("aux_file", 228), ("intent_name", 328), ("db_name", 14)):
        word = birds.new(f"{name} {place}").encode()
        head[at : at + len(word)] = word
    head[344:348] = b"n+1\0"
    extension = struct.pack("<4b2i", 1, 0, 0, 0, 32, 6) + birds.new(f"{name} extension").encode().ljust(
        24, b"\0"
    )
    data = bytes(head) + extension[:36].ljust(36, b"\0") + voxels
    return gzip.compress(data) if name.endswith(".gz") else data


def _write_others(folder, birds):
    """What is not copied."""
    (folder / "notes.txt").write_text(birds.new("text file"))
    (folder / "meta.json").write_text(f'{{"name": "{birds.new("JSON")}"}}')
    (folder / "page.html").write_text(f"<html>{birds.new('HTML')}</html>")
    (folder / "utf16.txt").write_text(birds.new("UTF-16 text"), encoding="utf-16")
    (folder / "DICOMDIR").write_text(birds.new("DICOMDIR"))
    with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", f"{birds.new('zip member')} " * 9)
    (folder / "log.gz").write_bytes(gzip.compress(birds.new("gzip").encode() * 3))
    np.savez_compressed(folder / "arrays.npz", names=np.array([birds.new("npz text")]))
    (folder / "picture.png").write_bytes(_png(birds))


def _png(birds):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"Author\0" + birds.new("PNG tEXt").encode())
        + chunk(b"zTXt", b"Author\0\0" + zlib.compress(birds.new("PNG zTXt").encode() * 2))
        + chunk(b"iTXt", b"Author\0\1\0\0\0" + zlib.compress(birds.new("PNG iTXt").encode() * 2))
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )
