"""Every fault of the catalogue, planted in one series of two: its code, its action, and nothing else harmed.

A row: what is wrong -> (code of `lungml.faults`, or "" where nothing is wrong for us; whether the series is
still used; how the fault is planted). The numbers are those of the fault table in docs.
"""

import hashlib
import json
import os
import stat

import pytest
from ct_faults import (
    BAD,
    CANARIES,
    SHAPE,
    acquisitions,
    beside,
    both,
    circle,
    coded,
    copy_as,
    cut,
    cut_at,
    declared_length,
    element,
    every,
    fifo,
    frames,
    inflating,
    junk,
    link,
    long_series_without_slice,
    moved,
    nested,
    no_rescale,
    not_utf8,
    number_as,
    one,
    padding,
    positions,
    preamble,
    renamed,
    replace,
    rewritten,
    stored,
    tilted,
    unknown_syntax,
    without_preamble,
    without_preamble_and_meta,
    without_slice,
)
from ct_files import body_hu, write_ct
from lidc_files import SQUARE, lidc_xml, nodule, roi, small
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from lungml.ct import filling, read_header
from lungml.ct.direct import DirectReader
from lungml.faults import FAULTS, Action
from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import run

USED, GONE = True, False

CUTS = {
    f"D01 cut at byte {at}": ("LM-D002" if at < 132 else "LM-D005", GONE, cut(at))
    for at in (0, 1, 128, 131, 132, 133, 144, 160)
} | {
    "D01 cut in SOPClassUID": ("LM-D001", GONE, cut_at(element(0x0008, 0x0016), 20)),
    "D01 cut before StudyInstanceUID": ("LM-D001", GONE, cut_at(element(0x0020, 0x000D))),
    "D01 cut before the position": ("LM-D001", GONE, cut_at(element(0x0020, 0x0032))),
    "D01 cut in the orientation": ("LM-D001", GONE, cut_at(element(0x0020, 0x0037), 13)),
    "D01 cut before Rows": ("LM-D001", GONE, cut_at(element(0x0028, 0x0010))),
    "D01 cut before the pixels": ("LM-D001", GONE, cut_at(b"\xe0\x7f\x10\x00")),
    "D01 cut in the length of the pixels": ("LM-D005", GONE, cut_at(b"\xe0\x7f\x10\x00", 9)),
    "D01 cut before the first pixel": ("LM-D001", GONE, cut_at(b"\xe0\x7f\x10\x00", 12)),
    "D01 cut in the middle of the pixels": ("LM-D001", GONE, cut(-1900)),
    "D01 one byte short": ("LM-D001", GONE, cut(-1)),
    "D01 no pixels at all": ("LM-D001", GONE, one(PixelData=None)),
}

NOT_DICOM = {
    f"D02 {name}": ("LM-D002", USED, beside(name, content))
    for name, content in {
        "empty": b"",
        "notes.txt": b"CANARYNAME was here",
        "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(300),
        ".DS_Store": b"\0\0\0\1Bud1" + bytes(300),
        "Thumbs.db": b"\xd0\xcf\x11\xe0" + bytes(300),
        "DICOMDIR": bytes(128) + b"DICM" + bytes(100),
        "random.dcm": bytes(range(256)) * 4,
        "header.json": b"{}",
    }.items()
} | {
    "D03 no preamble": ("LM-D003", USED, without_preamble),
    "D03 no preamble and no file meta": ("LM-D003", USED, without_preamble_and_meta),
    "D04 a Windows program": ("LM-D004", USED, preamble(b"MZ\x90\0")),
    "D04 a Linux program": ("LM-D004", USED, preamble(b"\x7fELF")),
    "D04 a script": ("LM-D004", USED, preamble(b"#!/bin/sh\n")),
    "D04 a PDF": ("LM-D004", USED, preamble(b"%PDF-1.7")),
    "D04 an archive": ("LM-D004", USED, preamble(b"PK\x03\x04")),
    "D34 a DICOMDIR that leads outside": (
        "LM-D002",
        USED,
        beside("DICOMDIR", bytes(128) + b"DICM" + b"..\\..\\..\\etc\\passwd"),
    ),
    "D35 a zip": ("LM-D002", USED, beside("a.zip", b"PK\x03\x04" + bytes(300))),
    "D35 a tar": ("LM-D002", USED, beside("a.tar", b"../../x".ljust(257, b"\0") + b"ustar")),
    "D04 a TIFF": ("", USED, preamble(b"II*\0")),
}

RESCALE = {
    "D05 no slope": ("LM-D021", GONE, one(RescaleSlope=None)),
    "D05 no intercept": ("LM-D021", GONE, one(RescaleIntercept=None)),
    "D05 neither": ("LM-D021", GONE, every(RescaleSlope=None, RescaleIntercept=None)),
    "D05 empty slope": ("LM-D021", GONE, one(RescaleSlope="")),
    "D05 empty intercept": ("LM-D021", GONE, one(RescaleIntercept="")),
    "D05 assumed: neither": ("LM-D020", USED, every(RescaleSlope=None, RescaleIntercept=None)),
    "D05 assumed: no slope": ("LM-D021", GONE, one(RescaleSlope=None)),
    "D06 slope 0": ("LM-D022", GONE, one(RescaleSlope="0")),
    "D06 slope 1e9": ("LM-D022", GONE, one(RescaleSlope="1e9")),
    "D06 slope -200": ("LM-D022", GONE, one(RescaleSlope="-200")),
    "D06 intercept 1e9": ("LM-D022", GONE, one(RescaleIntercept="1e9")),
    "D06 slope not a number": ("LM-D022", GONE, number_as("RescaleSlope", "nan")),
    "D06 slope infinite": ("LM-D022", GONE, number_as("RescaleSlope", "inf")),
    "D06 intercept overflows": ("LM-D022", GONE, number_as("RescaleIntercept", "1e999")),
    "D06 atomic numbers, not HU": ("LM-D022", GONE, every(RescaleType="Z_EFF")),
    "D06 a name as type": ("LM-D022", GONE, every(RescaleType="CANARYDOC")),
    "D06 of unspecified type": ("", USED, every(RescaleType="US")),
}

PIXELS = {
    "D07 8 bits allocated": ("LM-D023", GONE, one(BitsAllocated=8, BitsStored=8, HighBit=7)),
    "D07 32 bits allocated": ("LM-D023", GONE, one(BitsAllocated=32)),
    "D07 12 bits allocated": ("LM-D023", GONE, one(BitsAllocated=12, BitsStored=12)),
    "D07 more bits stored than allocated": ("LM-D023", GONE, one(BitsStored=20)),
    "D07 no bits stored": ("LM-D023", GONE, one(BitsStored=0)),
    "D08 5000 in 12 signed bits": (
        "LM-D024",
        GONE,
        both(stored(lambda v: v + 5000), every(BitsStored=12, HighBit=11)),
    ),
    "D08 5000 in 12 unsigned bits": (
        "LM-D024",
        GONE,
        both(stored(lambda v: v + 5000), every(BitsStored=12, HighBit=11, PixelRepresentation=0)),
    ),
    "D08 10 bits stored up to high bit 15": ("LM-D024", GONE, one(BitsStored=10, HighBit=15)),
    "D08 5000 in 12 compressed bits": (
        "LM-D024",
        GONE,
        both(both(stored(lambda v: v + 5000), coded(RLELossless)), every(BitsStored=12, HighBit=11)),
    ),
    "D09 signed declared unsigned": (
        "LM-D025",
        GONE,
        both(stored(lambda v: v - 1024), every(PixelRepresentation=0, RescaleIntercept="0")),
    ),
    "D09 unsigned declared signed": ("LM-D025", GONE, stored(lambda v: v + 32000)),
    "D10 RGB": ("LM-D026", GONE, one(PhotometricInterpretation="RGB", SamplesPerPixel=3)),
    "D10 a name as photometric interpretation": (
        "LM-D026",
        GONE,
        one(PhotometricInterpretation="CANARYDOC"),
    ),
    "D10 palette": ("LM-D026", GONE, one(PhotometricInterpretation="PALETTE COLOR")),
    "D11 padding -2000": ("LM-D027", USED, stored(circle)),
    "D11 padding -3024": ("LM-D027", USED, both(stored(circle), stored(lambda v: v - 1024 * (v == -2000)))),
    "D11 padding declared": ("LM-D027", USED, both(stored(circle), padding(-2000))),
    "D11 padding 63536, undeclared": (
        "LM-D027",
        USED,
        both(stored(lambda v: circle(v + 1024)), every(PixelRepresentation=0, RescaleIntercept="-2048")),
    ),
    "D11 padding declared as tissue": ("LM-D029", USED, padding(1024)),
    "D12 MONOCHROME1": ("", USED, every(PhotometricInterpretation="MONOCHROME1")),
    "D12 MONOCHROME1, inverted": (
        "LM-D028",
        GONE,
        both(stored(lambda v: 4095 - v), every(PhotometricInterpretation="MONOCHROME1")),
    ),
    "D12 MONOCHROME1, inverted about water": (
        "LM-D028",
        GONE,
        both(stored(lambda v: 2048 - v), every(PhotometricInterpretation="MONOCHROME1")),
    ),
    "D13 a row too many": ("LM-D023", GONE, one(Rows=41)),
    "D13 half the rows": ("LM-D023", GONE, one(Rows=20)),
    "D13 a column too many": ("LM-D023", GONE, one(Columns=49)),
    "D13 half the columns": ("LM-D023", GONE, one(Columns=24)),
    "D14 65535 x 65535": ("LM-D030", GONE, one(Rows=65535, Columns=65535)),
    "D14 5000 rows": ("LM-D030", GONE, one(Rows=5000)),
    "D14 no rows": ("LM-D030", GONE, one(Rows=0)),
    "D14 1000 frames": ("LM-D034", GONE, one(NumberOfFrames="1000")),
    "D15 inflates 1000 times": ("LM-D031", GONE, inflating(8_000_000)),
    "D15 inflates honestly": ("", USED, inflating(0)),
    "D16 declared longer than the file": ("LM-D001", GONE, declared_length(0xFFFFFFF0)),
    "D16 declared two bytes longer": ("LM-D001", GONE, declared_length(40 * 48 * 2 + 2)),
    "D16 declared two bytes shorter": ("LM-D023", GONE, declared_length(40 * 48 * 2 - 2)),
    "D18 not RLE": ("LM-D033", GONE, junk(RLELossless, b"CANARYTEXT" * 20)),
    "D18 not JPEG-LS": ("LM-D033", GONE, junk(JPEGLSLossless, b"CANARYTEXT" * 20)),
    "D18 not JPEG 2000": ("LM-D033", GONE, junk(JPEG2000Lossless, b"CANARYTEXT" * 20)),
    "D18 not JPEG lossless": ("LM-D033", GONE, junk(JPEGLosslessSV1, b"CANARYTEXT" * 20)),
    "D18 JPEG lossless without pixels": ("LM-D033", GONE, junk(JPEGLosslessSV1, b"\xff\xd8\xff\xd9")),
    "D18 no decoder": ("LM-D033", GONE, unknown_syntax),
    "D18 RLE": ("", USED, coded(RLELossless)),
    "D18 JPEG-LS": ("", USED, coded(JPEGLSLossless)),
    "D18 JPEG 2000": ("", USED, coded(JPEG2000Lossless)),
    "D18 JPEG lossless": ("", USED, coded(JPEGLosslessSV1)),
    "D18 JPEG-LS with loss": ("LM-D035", USED, coded(JPEGLSNearLossless, jls_error=2)),
    "D18 once compressed with loss": ("LM-D035", USED, every(LossyImageCompression="01")),
    "D19 frames": ("", USED, frames()),
    "D19 frames without rescale": ("LM-D034", GONE, frames(no_rescale)),
    "D19 a billion frames": ("LM-D030", GONE, frames(NumberOfFrames="1000000000")),
} | {
    f"D10 no {keyword}": ("LM-D026", GONE, one(**{keyword: None}))
    for keyword in (
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "PixelRepresentation",
        "PhotometricInterpretation",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
    )
}

NESTING = {
    "D17 nested 33 deep": ("LM-D032", GONE, nested(33)),
    "D17 nested 400 deep": ("LM-D032", GONE, nested(400)),
    "D17 nested 20000 deep": ("LM-D032", GONE, nested(20_000)),
    "D17 nested 33 deep with lengths": ("LM-D032", GONE, nested(33, defined=True)),
    "D17 nested 900 deep with lengths": ("LM-D032", GONE, nested(900, defined=True)),
    "D17 nested 40 deep, implicit": ("LM-D032", GONE, nested(40, implicit=True)),
    "D17 nested 32 deep": ("", USED, nested(32)),
    "D17 nested 32 deep with lengths": ("", USED, nested(32, defined=True)),
    "D17 500 items beside each other": ("", USED, nested(500, flat=True)),
}

PLACES = {
    "D20 no InstanceNumber": ("LM-D040", USED, every(InstanceNumber=None)),
    "D20 empty InstanceNumber": ("LM-D040", USED, every(InstanceNumber="")),
    "D20 one InstanceNumber for all": ("LM-D040", USED, every(InstanceNumber=1)),
    "D21 InstanceNumbers from 3": ("", USED, lambda paths: None),
    "D22 the same slice twice": ("LM-D041", USED, copy_as()),
    "D22 two images at one position": ("LM-D042", GONE, copy_as(PixelData=bytes(40 * 48 * 2))),
    "D23 a missing slice": ("LM-D043", GONE, without_slice),
    "D23 varying distances": ("LM-D043", GONE, positions(lambda k: (0, 0, 2.5 * k + k % 2))),
    "D23 a missing slice far from nodules": ("LM-D054", USED, long_series_without_slice),
    "D23 two slices": ("LM-D053", GONE, lambda paths: [path.unlink() for path in paths[2:]]),
    "D24 tilted by 0.6 degrees": ("LM-D044", GONE, tilted(0.6)),
    "D24 tilted by 20 degrees": ("LM-D044", GONE, tilted(20)),
    "D24 tilted by 0.4 degrees": ("", USED, tilted(0.4)),
    "D25 another patient": ("LM-D045", GONE, one(PatientID="CANARYID77b")),
    "D25 no patient in one file": ("LM-D045", GONE, one(PatientID="")),
    "D25 another study": ("LM-D045", GONE, one(StudyInstanceUID="1.2.66.70.1")),
    "D25 another matrix": ("LM-D045", GONE, one(Rows=48, Columns=40)),
    "D25 another pixel spacing": ("LM-D045", GONE, one(PixelSpacing=[0.8, 0.9])),
    "D25 a second acquisition of the region": ("LM-D057", USED, acquisitions(rival=True)),
    "D25 acquisitions beside each other": ("", USED, acquisitions(rival=False)),
    "D25 no patient at all": ("LM-D055", USED, every(PatientID="")),
    "D26 a localizer by name": ("LM-D046", USED, copy_as(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])),
    "D26 a localizer by orientation": (
        "LM-D046",
        USED,
        copy_as(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
    ),
    "D28 sagittal": ("", USED, rewritten(orientation=((2, 1, 0), (1, 1, -1)))),
    "D28 prone": ("", USED, rewritten(orientation=((0, 1, 2), (1, -1, -1)))),
    "D28 feet first": ("", USED, rewritten(orientation=((0, 1, 2), (-1, 1, -1)))),
    "D29 no pixel spacing": ("LM-D048", GONE, one(PixelSpacing=None)),
    "D29 pixel spacing 0": ("LM-D048", GONE, one(PixelSpacing=[0, 0.7])),
    "D29 negative pixel spacing": ("LM-D048", GONE, one(PixelSpacing=[0.8, -0.7])),
    "D29 pixels of 20 mm": ("LM-D048", GONE, one(PixelSpacing=[20, 20])),
    "D29 no position": ("LM-D048", GONE, one(ImagePositionPatient=None)),
    "D29 no orientation": ("LM-D048", GONE, one(ImageOrientationPatient=None)),
    "D29 skewed orientation": ("LM-D048", GONE, one(ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0])),
    "D29 SliceThickness 0": ("", USED, every(SliceThickness="0")),
    "D29 SliceThickness unlike the distance": ("", USED, every(SliceThickness="99")),
    "D30 a decimal comma": ("LM-D049", GONE, number_as("ImagePositionPatient", "1,5")),
    "D30 not a number": ("LM-D049", GONE, number_as("ImagePositionPatient", "nan")),
    "D30 an overflow": ("LM-D049", GONE, number_as("PixelSpacing", "1e999")),
    "D30 a word": ("LM-D049", GONE, number_as("ImageOrientationPatient", "CANARYDOC")),
    "D30 two numbers for three": ("LM-D049", GONE, one(ImagePositionPatient=[1, 2])),
    "D30 17 characters": ("", USED, number_as("SliceThickness", "1.000000000000001")),
    "D30 an InstanceNumber beyond 32 bits": ("", USED, number_as("InstanceNumber", "99999999999")),
    "D30 a word as age": ("", USED, replace(b"061Y", b"old!")),
}

NAMES = {
    "D31 an unknown character set": ("", USED, replace(b"ISO_IR 100", b"ISO_XX 100")),
    "D31 spaces": ("", USED, renamed("a b  c .dcm")),
    "D31 an emoji": ("", USED, renamed("😀.dcm")),
    "D31 a line break": ("", USED, renamed("a\nb.dcm")),
    "D31 255 bytes": ("", USED, renamed("x" * 255)),
    "D31 a name like a frame's": ("", USED, renamed("image#3")),
    "D31 a folder below": ("", USED, moved("ünter")),
    "D31 a name that is not UTF-8": ("LM-D050", USED, not_utf8),
    "D32 burned-in text": ("LM-D058", GONE, one(BurnedInAnnotation="YES")),
    "D32 a name as class of object": (
        "LM-D047",
        GONE,
        replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"CANARYNAME^Zoe 1.2.3.4.5.6"),
    ),
    "D32 no burned-in text": ("", USED, every(BurnedInAnnotation="NO")),
    "D33 a link to a file": ("LM-D050", USED, link("/etc/hostname")),
    "D33 a link into nowhere": ("LM-D050", USED, link("nowhere")),
    "D33 a link without end": ("LM-D050", USED, link("/dev/zero")),
    "D33 a loop of links": ("LM-D050", USED, link(".")),
    "D33 a pipe": ("LM-D050", USED, fifo),
    "D37 1024 HU too high": ("LM-D025", GONE, stored(lambda v: v + 1024)),
    "D37 1024 HU too low": ("LM-D025", GONE, stored(lambda v: v - 1024)),
    "D37 60 HU too high": ("", USED, stored(lambda v: v + 60)),
} | {
    f"D27 {name}": ("LM-D047", USED, copy_as(SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{number}"))
    for name, number in {
        "a dose report": "88.67",
        "a segmentation": "66.4",
        "a presentation state": "11.1",
        "a secondary capture": "7",
        "a computed radiograph": "1",
        "a digital X-ray": "1.1",
        "a dose": "481.2",
        "a magnetic resonance image": "4",
    }.items()
}

Z_MM = -97.5


def readings(*sessions, name="readings.xml", **options):
    """A file of readings beside the images."""
    uid = options.pop("series_uid", BAD["SeriesInstanceUID"])
    return beside(name, lidc_xml(sessions, series_uid=uid, **options).encode())


def with_prolog(prolog):
    text = lidc_xml([[nodule(roi(Z_MM))]], series_uid=BAD["SeriesInstanceUID"])
    return beside("readings.xml", (prolog + text.split("?>", 1)[1]).encode())


OUTLINE = roi(Z_MM)
NEAR_SQUARE = ((2, 2), (2, 7), (7, 7), (7, 2))
XML = {
    "X01 a DOCTYPE": ("LM-X001", USED, with_prolog("<!DOCTYPE a>")),
    "X01 entities": ("LM-X001", USED, with_prolog('<!DOCTYPE a [<!ENTITY b "c">]>')),
    "X01 an outside entity": (
        "LM-X001",
        USED,
        with_prolog('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
    ),
    "X01 nested 100 deep": ("LM-X001", USED, beside("a.xml", b"<a>" * 100 + b"</a>" * 100)),
    "X01 not closed": ("LM-X001", USED, beside("a.xml", b"<LidcReadMessage><readingSession>")),
    "X02 another namespace": ("", USED, readings([nodule(OUTLINE)], namespace=' xmlns="urn:x"')),
    "X02 no namespace": ("", USED, readings([nodule(OUTLINE)], namespace="")),
    "X02 another document": ("LM-X002", USED, beside("a.xml", b"<html></html>")),
    "X03 a small nodule": ("", USED, readings([small(Z_MM, 3, 3)])),
    "X04 no malignancy": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy=None)])),
    "X04 malignancy 0": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy=0)])),
    "X04 malignancy 6": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy=6)])),
    "X04 malignancy N/A": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy="N/A")])),
    "X05 readings of no series": ("LM-X003", USED, readings([nodule(OUTLINE)], series_uid="1.2.66.777.1")),
    "D34 readings of a path": ("LM-X003", USED, readings([nodule(OUTLINE)], series_uid="../../etc/passwd")),
    "X05 two files that differ": (
        "LM-X005",
        USED,
        both(readings([nodule(OUTLINE)]), readings([nodule(OUTLINE, malignancy=5)], name="b.xml")),
    ),
    "X05 the same file twice": (
        "LM-X010",
        USED,
        both(readings([nodule(OUTLINE)]), readings([nodule(OUTLINE)], name="b.xml")),
    ),
    "X06 a contour on no slice": ("LM-X006", USED, readings([nodule(roi(-500.0))])),
    "X06 a height rounded by 0.1 mm": ("", USED, readings([nodule(roi(Z_MM + 0.1))])),
    "X07 two points": ("LM-X007", USED, readings([nodule(roi(Z_MM, SQUARE[:2]))])),
    "X07 outside the image": (
        "LM-X007",
        USED,
        readings([nodule(roi(Z_MM, [(900, 900), (900, 910), (910, 910)]))]),
    ),
    "X08 a sagittal series": (
        "LM-X008",
        USED,
        both(rewritten(orientation=((2, 1, 0), (1, 1, 1))), readings([nodule(OUTLINE)])),
    ),
    "X09 a reader twice": (
        "LM-X009",
        USED,
        readings([nodule(OUTLINE)], [nodule(OUTLINE), nodule(roi(Z_MM, NEAR_SQUARE))]),
    ),
    "X09 five readers": ("LM-X009", USED, readings(*[[nodule(OUTLINE)] for _ in range(5)])),
}

CATALOGUE = CUTS | NOT_DICOM | RESCALE | PIXELS | NESTING | PLACES | NAMES | XML
"""What is wrong -> (code, whether the series is still used, how it is planted)."""


def test_the_catalogue_is_as_long_as_promised():
    assert len(CATALOGUE) >= 120


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    write_ct(folder, body_hu((4, 40, 48), seed=1), SeriesInstanceUID="1.2.77", StudyInstanceUID="1.2.78")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    write_ct(folder, body_hu(SHAPE), SpecificCharacterSet="ISO_IR 100", **BAD)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def raw(tmp_path, good_files, bad_files):
    """A folder of two good series; the second one's folder bears the name of its patient."""
    for folder, files in (("good", good_files), ("Zoe_CANARYNAME", bad_files)):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        for name, content in files.items():
            (tmp_path / "raw" / folder / name).write_bytes(content)
    return tmp_path / "raw"


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_planted_fault_has_its_code_and_harms_nothing_else(raw, tmp_path, fault, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    code, used, plant = CATALOGUE[fault]
    plant(sorted((raw / "Zoe_CANARYNAME").iterdir()))
    before = snapshot(raw)
    assume = (1.0, -1024.0) if fault.startswith("D05 assumed") else None

    run(CtParams(assume_rescale=assume), ConsensusParams(), raw=raw, out=tmp_path / "index")

    ledger = (tmp_path / "index" / "quarantine.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in ledger.splitlines()]
    found = {row["code"]: row["action"] for row in rows}
    if code:
        assert found.get(code) == FAULTS[code].action, rows
    else:
        assert {row["code"] for row in rows if row["action"] != Action.NOTED} == set(), rows
    assert series_of(tmp_path / "index") == {"1.2.77", BAD["SeriesInstanceUID"]} if used else {"1.2.77"}
    assert not [row for row in rows if row["path"].startswith("good")]
    assert [canary for canary in CANARIES if canary.casefold() in ledger.casefold()] == []
    assert snapshot(raw) == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", CATALOGUE)
def test_the_fast_roads_find_in_a_faulty_folder_what_pydicom_finds(raw, tmp_path, fault, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    CATALOGUE[fault][2](sorted((raw / "Zoe_CANARYNAME").iterdir()))
    run(CtParams(), ConsensusParams(), raw=raw, out=tmp_path / "fast")
    monkeypatch.setattr(read_header, "walk_header", lambda stream, wanted: None)
    monkeypatch.setattr(DirectReader, "read_into", lambda self, header, hu, padding: False)
    monkeypatch.setattr(filling, "place", lambda stored, header, hu, padding: False)

    run(CtParams(), ConsensusParams(), raw=raw, out=tmp_path / "general")

    fast, general = (
        {path.name: path.read_bytes() for path in (tmp_path / road).iterdir()} for road in ("fast", "general")
    )
    assert fast == general


def series_of(index):
    import pandas as pd

    return set(pd.read_parquet(index / "series.parquet")["series_uid"])


def snapshot(folder):
    """Names, kinds, times and checksums of everything in a folder."""
    state = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        state[os.fsencode(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
        if stat.S_ISREG(status.st_mode):
            state[os.fsencode(path)] += (hashlib.sha256(path.read_bytes()).hexdigest(),)
    return state
