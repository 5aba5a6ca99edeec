"""Unpack an archive into a new folder: all of it, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lungml.archives.entry import ArchiveError, Entry, Limits, Names, Type, safe_parts
from lungml.archives.tar_entries import tar_entries
from lungml.archives.zip_entries import check_directory, zip_entries
from lungml.files import atomic_folder
from lungml.quarantine import RefusedError, finding

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz")
"""What the name of an archive ends in."""


def is_archive(path: Path) -> bool:
    """Whether the name says that this is an archive."""
    return path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, out: Path, limits: Limits | None = None, shown_as: str = "the archive") -> int:
    """Write the files of `archive` into the new folder `out`; links inside it are left out.

    Args:
        archive: it is only read.
        out: is there afterwards if the whole archive is sound.
        limits: see there.
        shown_as: how an error names the archive, whose own name may be a patient's.

    Returns:
        How many files were written.

    Raises:
        RefusedError: it is unsafe, damaged or too large (LM-D051).
        OutputError: `out` cannot be written.
    """
    try:
        with atomic_folder(out) as folder, archive.open("rb") as stream:
            return _write_all(_entries(stream, limits or Limits()), folder)
    except ArchiveError as error:
        raise RefusedError(finding("LM-D051", shown_as, str(error))) from error


def check_zip(path: Path) -> None:
    """Refuse a zip file (or an XLSX, which is one) whose directory declares too much.

    Raises:
        RefusedError: LM-D051.
    """
    try:
        with path.open("rb") as stream:
            check_directory(stream, Limits())
    except ArchiveError as error:
        raise RefusedError(finding("LM-D051", "the file", str(error))) from error


def _entries(stream: BinaryIO, limits: Limits) -> Iterator[Entry]:
    magic = stream.read(4)
    is_zip = magic in {b"PK\3\4", b"PK\5\6"}
    return zip_entries(stream, limits) if is_zip else tar_entries(stream, limits)


def _write_all(entries: Iterator[Entry], folder: Path) -> int:
    names, count = Names(), 0
    for entry in entries:
        parts = safe_parts(entry.name)
        if entry.type is Type.OTHER:
            raise ArchiveError("a device")
        if entry.type is Type.LINK:
            _check_link(entry, parts)
            continue
        if not parts:
            continue
        names.add(parts, entry.type)
        if entry.type is Type.FILE:
            _write(folder.joinpath(*parts), entry)
            count += 1
    return count


def _check_link(entry: Entry, parts: tuple[str, ...]) -> None:
    """A link may point to what lies beside or below it, and is left out; all others are refused."""
    target = entry.link or b"".join(entry.chunks).decode("utf-8", "replace")
    try:
        safe_parts(target)
    except ArchiveError as error:
        raise ArchiveError("a link that leads outside") from error
    if not parts:
        raise ArchiveError("a link in place of the folder")


def _write(path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(handle, "wb") as stream:
        for chunk in entry.chunks:
            stream.write(chunk)
