"""Find the files of a raw folder and tell DICOM, XML and others apart by their first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lungml.quarantine import Finding, finding


class Kind(StrEnum):
    """What a file is."""

    DICOM = "DICOM"
    XML = "XML"
    OTHER = "other"


@dataclass(frozen=True)
class Scan:
    """Files of a folder, relative to it and sorted, and findings about those that are neither."""

    dicom: tuple[str, ...]
    xml: tuple[str, ...]
    findings: tuple[Finding, ...]


def scan_folder(raw: Path) -> Scan:
    """Look at every regular file under `raw`, in any layout. Links are not followed."""
    found: dict[Kind, list[str]] = {Kind.DICOM: [], Kind.XML: []}
    findings = []
    for path, obstacle in sorted(_walk(raw)):
        if obstacle:
            findings.append(
                finding("LM-D050", _printable(path), obstacle, "a regular file with a UTF-8 name")
            )
            continue
        try:
            kind, what = kind_of(raw / path)
        except OSError as error:
            findings.append(finding("LM-D050", path, error.strerror or "an error", "a readable file"))
            continue
        if kind is Kind.OTHER:
            findings.append(finding("LM-D002", path, what))
        else:
            found[kind].append(path)
    return Scan(tuple(found[Kind.DICOM]), tuple(found[Kind.XML]), tuple(findings))


def kind_of(path: Path) -> tuple[Kind, str]:
    """Kind of a file, and what its first bytes look like."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[128:132] == b"DICM":
        return (Kind.OTHER, "a DICOMDIR") if path.name.upper() == "DICOMDIR" else (Kind.DICOM, "DICOM")
    if lacks_preamble(head):
        return Kind.DICOM, "DICOM without preamble"
    if head.lstrip(_MARKS_AND_SPACE).startswith(b"<") or path.suffix.lower() == ".xml":
        return Kind.XML, "XML"
    return Kind.OTHER, "an empty file" if not head else "other bytes"


def lacks_preamble(head: bytes) -> bool:
    """Whether bytes begin with an element of group 0002 or 0008, as a data set without preamble does."""
    group = int.from_bytes(head[0:2], "little")
    element = int.from_bytes(head[2:4], "little")
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    short = int.from_bytes(head[4:8], "little") < len(head)
    return len(head) > 16 and group in {0x0002, 0x0008} and element < 0x0100 and (explicit or short)


_HEAD_BYTES = 256
_MARKS_AND_SPACE = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"


def _walk(raw: Path) -> Iterator[tuple[str, str]]:
    """Relative path of everything under `raw` that is not a folder, and why it cannot be opened, or ''."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(raw / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path)
                    else:
                        yield path, _obstacle(entry, path)
        except OSError as error:
            yield folder, f"a folder, {error.strerror or 'an error'}"


def _obstacle(entry: os.DirEntry[str], path: str) -> str:
    if not entry.is_file(follow_symlinks=False):
        return "a link or special file"
    return "" if _printable(path) == path else "a name that is not UTF-8"


def _printable(path: str) -> str:
    """A path that can be printed: bytes that are not UTF-8 are written as numbers."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
