"""The tags that survive de-identification, and what is done with each: everything else is removed.

Method: the Basic Application Level Confidentiality Profile (DICOM PS3.15 Annex E.2) with the Retain Patient
Characteristics option (age and sex), done by allow-list: what is not in this table does not pass, and what
passes is a number, a word of a fixed list, or made from the key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Do(StrEnum):
    """What is done with a tag."""

    NUMBER = "kept if it is a number"
    WORD = "kept if it is in the list, else OTHER"
    KNOWN = "kept if it is a known product, else its pseudonym"
    CODE = "kept if it is a UID of the DICOM standard"
    UID = "replaced by a keyed UID"
    NAME = "replaced by a keyed pseudonym"
    AGE = "kept; above 89 years it is 090Y"
    PIXELS = "kept byte for byte"
    SEQUENCE = "kept with the tags of this table only"


@dataclass(frozen=True)
class Rule:
    """A row of the table; `known` is the pattern a word must match as a whole."""

    do: Do
    known: re.Pattern[str] | None = None


def _words(*words: str) -> Rule:
    return Rule(Do.WORD, re.compile("|".join(map(re.escape, words))))


def _known(pattern: str) -> Rule:
    return Rule(Do.KNOWN, re.compile(pattern))


_MAKERS = (
    r"(GE|SIEMENS|Siemens|Philips|TOSHIBA|Canon|Hitachi|FUJIFILM|UIH|Neusoft)"
    r"( MEDICAL SYSTEMS| Medical Systems| Healthineers| Healthcare| Medical Corporation)?"
    r"|TOSHIBA_MEC|FUJIFILM Healthcare Corporation|Hitachi, Ltd\."
)
_FAMILIES = (
    "Aquilion|Biograph|BrightSpeed|Brilliance|CT scan|Definition|Discovery|Emotion|GEMINI|HiSpeed|IQon|"
    "Incisive|Ingenuity|LightSpeed|Mx8000|NAEOTOM|Optima|Revolution|SCENARIA|SOMATOM|Sensation|Spirit|iCT|"
    "Volume Zoom|Perspective|Precision|NeuViz|uCT"
)
_MEMBERS = (
    "16P|16|128|20|256|320|32|40|4|512|64|6|690|610|710|750|780|8|10|CT|CT/i|CT580|CT660|CT750|HD|QX/i|Plus|"
    "PLUS|Ultra|Pro|VCT|XT|EVO|Apex|GSI|ES|Elite|Power|Prime|PRIME|SP|ONE|Genesis|Lightning|Alpha|Big|Bore|"
    "Duo|Open|Cardiac|AS|Flash|Edge|Force|Drive|Scope|Balance|Spirit|IDT|TF|TOF|mCT|Flow|TruePoint|STE|ST|LS|"
    "RX|MI|IQ|View|Spectral|go|Top|All|Now|Up|Zoom|Volume"
)
KNOWN_MODELS = rf"({_FAMILIES})([ .-]?({_FAMILIES}|{_MEMBERS})\+?){{0,4}}\+?( -)?( Spectral CT)?"
KNOWN_KERNELS = (
    r"STANDARD|SOFT|DETAIL|LUNG|BONE|BONEPLUS|EDGE|CHST|ULTRA|[A-F]|Y[A-D]|[ABDHIJQRTU][rfvpl]?\d{2}[fhs]?(\\[1-5])?|"
    r"FC\d{2}(-H)?"
)

TAGS = {
    "SOPClassUID": Rule(Do.CODE),
    "SOPInstanceUID": Rule(Do.UID),
    "StudyInstanceUID": Rule(Do.UID),
    "SeriesInstanceUID": Rule(Do.UID),
    "FrameOfReferenceUID": Rule(Do.UID),
    "PatientID": Rule(Do.NAME),
    "BurnedInAnnotation": _words("NO"),
    "PatientSex": _words("M", "F", "O"),
    "PatientAge": Rule(Do.AGE),
    "QualityControlSubject": _words("YES", "NO"),
    "Modality": _words("CT"),
    "ImageType": _words(
        "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL", "VOLUME", "REFORMATTED", "MPR", "AVERAGE",
        "NONE", "HELICAL", "CT_SOM5 SPI", "CT_SOM5 SEQ", "CT_SOM7 SPI", "CT_SOM5 SPI DUAL",
    ),
    "FrameType": _words("ORIGINAL", "DERIVED", "PRIMARY", "AXIAL", "VOLUME", "NONE"),
    "BodyPartExamined": _words("CHEST", "LUNG", "THORAX", "ABDOMEN", "CHESTABDPELVIS", "CHEST_ABDOMEN"),
    "Manufacturer": _known(_MAKERS),
    "ManufacturerModelName": _known(KNOWN_MODELS),
    "ConvolutionKernel": _known(KNOWN_KERNELS),
    "KVP": Rule(Do.NUMBER),
    "XRayTubeCurrent": Rule(Do.NUMBER),
    "Exposure": Rule(Do.NUMBER),
    "ReconstructionDiameter": Rule(Do.NUMBER),
    "GantryDetectorTilt": Rule(Do.NUMBER),
    "SliceThickness": Rule(Do.NUMBER),
    "SpacingBetweenSlices": Rule(Do.NUMBER),
    "PatientPosition": _words("HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"),
    "InstanceNumber": Rule(Do.NUMBER),
    "AcquisitionNumber": Rule(Do.NUMBER),
    "ImagePositionPatient": Rule(Do.NUMBER),
    "ImageOrientationPatient": Rule(Do.NUMBER),
    "SliceLocation": Rule(Do.NUMBER),
    "SamplesPerPixel": Rule(Do.NUMBER),
    "PhotometricInterpretation": _words("MONOCHROME1", "MONOCHROME2"),
    "PlanarConfiguration": Rule(Do.NUMBER),
    "NumberOfFrames": Rule(Do.NUMBER),
    "Rows": Rule(Do.NUMBER),
    "Columns": Rule(Do.NUMBER),
    "PixelSpacing": Rule(Do.NUMBER),
    "BitsAllocated": Rule(Do.NUMBER),
    "BitsStored": Rule(Do.NUMBER),
    "HighBit": Rule(Do.NUMBER),
    "PixelRepresentation": Rule(Do.NUMBER),
    "PixelPaddingValue": Rule(Do.NUMBER),
    "PixelPaddingRangeLimit": Rule(Do.NUMBER),
    "WindowCenter": Rule(Do.NUMBER),
    "WindowWidth": Rule(Do.NUMBER),
    "RescaleIntercept": Rule(Do.NUMBER),
    "RescaleSlope": Rule(Do.NUMBER),
    "RescaleType": _words("HU", "US"),
    "LossyImageCompression": _words("00", "01"),
    "LossyImageCompressionRatio": Rule(Do.NUMBER),
    "SharedFunctionalGroupsSequence": Rule(Do.SEQUENCE),
    "PerFrameFunctionalGroupsSequence": Rule(Do.SEQUENCE),
    "CTImageFrameTypeSequence": Rule(Do.SEQUENCE),
    "CTReconstructionSequence": Rule(Do.SEQUENCE),
    "FrameContentSequence": Rule(Do.SEQUENCE),
    "ConversionSourceAttributesSequence": Rule(Do.SEQUENCE),
    "ReferencedSOPInstanceUID": Rule(Do.UID),
    "FrameAcquisitionNumber": Rule(Do.NUMBER),
    "PixelMeasuresSequence": Rule(Do.SEQUENCE),
    "PlanePositionSequence": Rule(Do.SEQUENCE),
    "PlaneOrientationSequence": Rule(Do.SEQUENCE),
    "PixelValueTransformationSequence": Rule(Do.SEQUENCE),
    "PixelData": Rule(Do.PIXELS),
}  # fmt: skip
"""Keyword -> what is done. Sequences are those of Enhanced CT, whose geometry is in them."""

EMPTY = (
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate", "StudyID",
    "SeriesNumber",
)  # fmt: skip
"""Tags that a CT image must have but may leave empty (type 2)."""

METHOD_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113108", "Retain Patient Characteristics Option"),
)
"""Codes of the coding scheme DCM (PS3.16 CID 7050) for DeidentificationMethodCodeSequence."""
