"""Who a DICOM file is about: values that tell, and the tags that still hold some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom.valuerep import PersonName

from lungml.ct.slow_header import pydicom_errors

_TELLING = frozenset({
    "PatientID", "IssuerOfPatientID", "OtherPatientIDs", "PatientBirthDate", "PatientAddress",
    "PatientTelephoneNumbers", "PatientBirthName", "PatientMotherBirthName", "OtherPatientNames",
    "MedicalRecordLocator", "PatientComments",
    "AdditionalPatientHistory", "AccessionNumber", "InstitutionName", "InstitutionAddress",
    "InstitutionalDepartmentName", "StationName", "DeviceSerialNumber", "RequestingService", "AdmissionID",
    "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "StudyInstanceUID", "SeriesInstanceUID",
})  # fmt: skip
_ANONYMOUS = re.compile(
    r"(anon\w*|lidc-idri|luna\d*|phantom|subject|sub|case|pat|patient|study|test|train|x+|unknown|removed|none)"
    r"[-_ ^.]*[0-9a-f]{0,16}|\d{0,4}",
    re.IGNORECASE,
)
_NO_DATES = {"", "19000101", "20000101"}


def identities_of(path: Path) -> set[str]:
    """Words of a DICOM file that tell who it is about: names and their parts, ids, dates, places, UIDs.

    Raises:
        RefusedError: it cannot be read (LM-D005).
    """
    words: set[str] = set()
    for keyword, kind, text in _texts(path):
        if kind == "PN":
            words |= {text, *re.split(r"[\^=\s,]+", text)}
        elif keyword in _TELLING and text not in _NO_DATES:
            words.add(text)
    return {word for word in words if word}


def telling_tags(path: Path) -> list[str]:
    """Names of the tags that hold what usually tells who it is about; values are not looked up anywhere.

    Raises:
        RefusedError: it cannot be read (LM-D005).
    """
    found = {_name(keyword) for keyword, kind, text in _texts(path) if _tells(keyword, kind, text)}
    return sorted(found)


def looks_anonymous(text: str) -> bool:
    """Whether a name or id looks like a pseudonym: a usual word and a number."""
    return _ANONYMOUS.fullmatch(text.strip()) is not None


def _tells(keyword: str, kind: str, text: str) -> bool:
    if keyword.endswith("UID"):
        return False
    if keyword in _TELLING and kind == "DA":
        return text not in _NO_DATES
    return (kind == "PN" or keyword in _TELLING or keyword == "private") and not looks_anonymous(text)


def _name(keyword: str) -> str:
    return "a private tag" if keyword == "private" else keyword


def _texts(path: Path) -> Iterator[tuple[str, str, str]]:
    """Keyword, kind (VR) and text of every element with text, sequences included."""
    with pydicom_errors("the file", "LM-D005"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        yield from list(_walk(dataset))


def _walk(dataset: Any) -> Iterator[tuple[str, str, str]]:
    for element in dataset.iterall():
        is_content = element.tag.is_private and not element.tag.is_private_creator
        keyword = "private" if is_content else element.keyword
        if element.VR in {"SQ", "OB", "OW", "UN", "OF", "OD"} or element.value is None:
            continue
        for value in element.value if element.VM > 1 else [element.value]:
            text = str(value).strip(" \0")
            if text and isinstance(value, str | PersonName):
                yield keyword, element.VR, text
