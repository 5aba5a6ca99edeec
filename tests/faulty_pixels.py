"""Images whose numbers cannot be what they say, and headers nested too deep.

Rows as in `ct/test_fault_catalogue.py`.
"""

from ct_faults import GONE, USED, both, every, number_as, one
from ct_pixel_faults import (
    circle,
    coded,
    declared_length,
    frames,
    inflating,
    junk,
    nested,
    no_rescale,
    padding,
    stored,
    unknown_syntax,
)
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless, RLELossless

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
