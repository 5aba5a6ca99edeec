"""One CT image in, the same image without the patient out: only the tags of `deid_tags.TAGS` pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from lungml import __version__
from lungml.ct.deid_tags import EMPTY, METHOD_CODES, TAGS, Do, Rule
from lungml.ct.header import Header
from lungml.ct.read_header import read_header
from lungml.ct.rules import MULTI_FRAME_CT, SINGLE_FRAME_CT
from lungml.ct.slow_header import pydicom_errors
from lungml.files import atomic_file
from lungml.quarantine import RefusedError, finding

_IMPLEMENTATION_UID = "2.25.271828182845904523536028747135266249775"
_OLDEST_TOLD_APART = 89
_MOST_VALUES = 9
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORD_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8}


class Pseudonyms(Protocol):
    """What stands in for a name and for a UID; see `lungml.phi.keys`."""

    def name(self, text: str) -> str: ...

    def uid(self, uid: str) -> str: ...


def deidentify_ct(raw: Path, path: str, target: Path, names: Pseudonyms) -> None:
    """Write `raw / path` without its patient to `target`; the pixel data are the same bytes.

    Raises:
        RefusedError: it cannot be read, is no CT image (LM-D046, LM-D047), may show text (LM-P001) or holds
            bytes that are no pixels (LM-P002); nothing is written.
        OutputError: `target` cannot be written.
    """
    header = read_header(raw, path)
    _refuse_other_objects(header)
    with pydicom_errors(path, "LM-D005"), (raw / path).open("rb") as stream:
        source = pydicom.dcmread(stream, specific_tags=list(TAGS), force=True)
        _refuse_text(source, path)
        clean = _cleaned(source, names)
        _add_record(clean, names, header)
        data = _encoded(clean)
    with atomic_file(target) as temporary:
        temporary.write_bytes(data)


def _refuse_other_objects(header: Header) -> None:
    if not header.sop_class:
        raise RefusedError(finding("LM-D005", header.path, "no SOPClassUID", "one"))
    if header.sop_class not in {SINGLE_FRAME_CT, *MULTI_FRAME_CT}:
        raise RefusedError(finding("LM-D047", header.path, "another object", "a CT image"))
    if "LOCALIZER" in header.image_type:
        raise RefusedError(finding("LM-D046", header.path, "ImageType LOCALIZER"))
    if not _is_standard(header.pixels.transfer_syntax):
        raise RefusedError(finding("LM-D033", header.path, "a private transfer syntax", "a DICOM one"))
    length, expected = header.pixels.length, header.pixels.expected_bytes
    if length is not None and length not in {expected, expected + expected % 2}:
        raise RefusedError(finding("LM-P002", header.path, f"{length} bytes of pixels", f"{expected}"))


def _refuse_text(source: Dataset, path: str) -> None:
    burned_in = _text(source, "BurnedInAnnotation")
    if burned_in not in {"", "NO"} or "SCREEN SAVE" in _text(source, "ImageType").upper():
        raise RefusedError(finding("LM-P001", path, "BurnedInAnnotation or a screen save"))


def _cleaned(source: Dataset, names: Pseudonyms) -> Dataset:
    """A data set with the elements of `source` that pass, each changed as its rule says."""
    clean = Dataset()
    for keyword, rule in TAGS.items():
        tag = tag_for_keyword(keyword)
        if tag is None or tag not in source:
            continue
        if rule.do is Do.SEQUENCE:
            items = [_cleaned(item, names) for item in source[tag].value]
            clean.add_new(tag, "SQ", items)
        elif rule.do in {Do.PIXELS, Do.NUMBER}:
            raw = source.get_item(tag)
            if rule.do is Do.PIXELS or _is_number(raw, keyword):
                clean[tag] = _only_value(raw)
        elif text := _replaced(keyword, rule, source, names):
            clean.add(DataElement(tag, dictionary_VR(tag), text))
    return clean


def _only_value(raw: Any) -> RawDataElement | DataElement:
    """The element as it is in the file, byte for byte."""
    return raw if isinstance(raw, RawDataElement) else DataElement(raw.tag, raw.VR, raw.value)


def _is_number(raw: Any, keyword: str) -> bool:
    """Whether a raw element holds only numbers: decimal strings, or as many bytes as its VR has."""
    if not isinstance(raw, RawDataElement):
        return isinstance(raw.value, int | float)
    value = raw.value or b""
    kind = dictionary_VR(keyword)
    if kind in {"DS", "IS"}:
        parts = value.strip(b" \0").split(b"\\")
        return len(parts) <= _MOST_VALUES and all(_NUMBER.fullmatch(part.strip()) for part in parts)
    return len(value) == _WORD_BYTES.get(kind, 2)


def _text(source: Dataset, keyword: str) -> str:
    """Text of an element without padding, '' if it is missing; bytes that are no text are marked."""
    tag = tag_for_keyword(keyword)
    raw = source.get_item(tag) if tag is not None and tag in source else None
    value = raw.value if raw is not None else b""
    if isinstance(value, bytes):
        return _decoded(value).strip(" \0")
    return "\\".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "").strip()


def _decoded(value: bytes) -> str:
    """Different bytes give different texts, so that no two patients become one."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _replaced(keyword: str, rule: Rule, source: Dataset, names: Pseudonyms) -> str:
    """What stands in the new file; '' leaves the element out."""
    text = _text(source, keyword)
    simple: dict[Do, Callable[[str], str]] = {
        Do.UID: names.uid,
        Do.NAME: names.name,
        Do.CODE: lambda uid: uid if _is_standard(uid) else "",
        Do.AGE: _age,
    }
    if rule.do in simple:
        return simple[rule.do](text)
    if rule.known is None or not text:
        return ""
    if rule.do is Do.KNOWN:
        return text if rule.known.fullmatch(text) else names.name(text)
    return "\\".join(part if rule.known.fullmatch(part) else "OTHER" for part in _parts(text))


def _is_standard(uid: str) -> bool:
    """Whether DICOM itself defines the UID, so that it says nothing about a patient."""
    return UID(uid).name != uid


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split("\\")[:_MOST_VALUES])


def _age(text: str) -> str:
    """DICOM age; all above 89 years are one age, as they are rare enough to tell who it is."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", text)
    if not match:
        return ""
    years = int(match[1]) if match[2] == "Y" else 0
    return f"{_OLDEST_TOLD_APART + 1:03}Y" if years > _OLDEST_TOLD_APART else f"{int(match[1]):03}{match[2]}"


def _add_record(clean: Dataset, names: Pseudonyms, header: Header) -> None:
    """What CT images must have, and what was done to this one (PS3.15 E.1.1)."""
    for keyword in EMPTY:
        setattr(clean, keyword, "" if keyword != "SeriesNumber" else None)
    clean.PatientID = clean.get("PatientID", "")
    clean.PatientName = clean.PatientID
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = f"lungml {__version__}, allow-list of tags, keyed pseudonyms"
    clean.DeidentificationMethodCodeSequence = [_code(*code) for code in METHOD_CODES]
    clean.LongitudinalTemporalInformationModified = "REMOVED"
    clean.file_meta = FileMetaDataset()
    clean.file_meta.MediaStorageSOPClassUID = UID(header.sop_class)
    clean.file_meta.MediaStorageSOPInstanceUID = UID(names.uid(header.sop_uid))
    clean.file_meta.TransferSyntaxUID = UID(header.pixels.transfer_syntax)
    clean.file_meta.ImplementationClassUID = UID(_IMPLEMENTATION_UID)
    clean.file_meta.ImplementationVersionName = "LUNGML"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _encoded(clean: Dataset) -> bytes:
    clean.preamble = b"\0" * 128
    stream = BytesIO()
    pydicom.dcmwrite(stream, clean, enforce_file_format=True)
    return stream.getvalue()
