"""Places that usually hold what tells who a patient is, told by their names and forms alone."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from lungml.ct.identities import looks_anonymous, telling_tags
from lungml.ct.scan import Kind, kind_of
from lungml.quarantine import RefusedError

_TEXT_BYTES = 8 * 2**20
_COLUMN = re.compile(
    r"(patient|pat|sur|first|last|family|given|full)_?-? ?names?|(date_?of_?)?birth(_?date|day)?|dob|mrn|"
    r"medical_?record(_?(number|no))?|ssn|social_?security(_?number)?|(street_?)?address|phone|telephone|e_?mail|"
    r"accession(_?(number|no))?|(study|scan|acquisition|exam|visit)_?date|patient_?id|zip(_?code)?|insurance\w*",
    re.IGNORECASE,
)
_ELEMENT = re.compile(rb"<\s*([A-Za-z_]+)[^<>]*>\s*([^<>\s][^<>]*)<", re.DOTALL)
_NOTES = {
    "a date": re.compile(rb"(?<![\d.])(19|20)\d\d[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?![\d.])"),
    "a telephone number": re.compile(
        rb"(?<![\w.])(\+\d{1,3}[ -])?\(?\d{2,4}\)?[ -]\d{3,4}[ -]\d{3,4}(?![\w.])"
    ),
    "an e-mail address": re.compile(rb"[\w.+-]{2,40}@[\w-]{2,40}\.[A-Za-z]{2,10}"),
    "a record number": re.compile(
        rb"(?i)\b(mrn|medical record|patient (id|no|number)|acc(ession)?)\W{1,3}\d{4,12}\b"
    ),
}
"""What a note is about -> its form; such forms are often harmless, so they do not count as found."""
_TEXT_SUFFIXES = (".txt", ".log", ".json", ".jsonl", ".csv", ".tsv", ".xml", ".html", ".md", ".yaml", ".yml")


def telling_places(path: Path) -> Iterator[str]:
    """Names of tags, elements and columns with content that usually tell who it is about."""
    try:
        kind, _ = kind_of(path)
        if kind is Kind.DICOM:
            yield from (f"tag {name}" for name in telling_tags(path))
        elif kind is Kind.XML:
            yield from _elements(path)
        elif path.suffix.lower() in {".csv", ".tsv"}:
            yield from _columns(path)
        elif path.suffix.lower() == ".parquet":
            yield from _parquet_columns(path)
    except (RefusedError, OSError):
        yield "cannot be read"


def notes(path: Path) -> Iterator[str]:
    """Forms in a text file that may be a date, a number or an address of somebody."""
    if not path.name.lower().endswith(_TEXT_SUFFIXES):
        return
    with path.open("rb") as stream:
        text = stream.read(_TEXT_BYTES)
    yield from (what for what, form in _NOTES.items() if form.search(text))


def _elements(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        text = stream.read(_TEXT_BYTES)
    found = {
        name.decode()
        for name, value in _ELEMENT.findall(text)
        if _COLUMN.fullmatch(name.decode()) and not looks_anonymous(value.decode("utf-8", "replace"))
    }
    yield from (f"element {name}" for name in sorted(found))


def _columns(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            header = next(rows, [])
            suspects = {index: name for index, name in enumerate(header) if _COLUMN.fullmatch(name.strip())}
            for row in rows:
                cells = enumerate(row)
                for index in [at for at, cell in cells if at in suspects and not looks_anonymous(cell)]:
                    yield f"column {suspects.pop(index)}"
        except csv.Error:
            return


def _parquet_columns(path: Path) -> Iterator[str]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowException:
        return
    for name in file.schema_arrow.names:
        if _COLUMN.fullmatch(name):
            values = file.read(columns=[name]).column(0).unique().to_pylist()
            if not all(looks_anonymous(str(value)) for value in values if value is not None):
                yield f"column {name}"
