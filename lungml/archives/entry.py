"""What an archive holds, and which names of it are safe to use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote

_LONGEST_PART = 255
_LONGEST_NAME = 2048
_DEEPEST = 64
_DECODINGS = 3


class ArchiveError(ValueError):
    """An archive is refused; the text says what was found, without naming anything of it."""


class Type(StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "device"


@dataclass(frozen=True)
class Limits:
    """What is too much.

    Attributes:
        ratio: of unpacked to packed bytes, of the whole archive.
        slack_bytes: that many unpacked bytes are always allowed.
        total_bytes: unpacked.
        entries: LIDC-IDRI has 245,000 files.
    """

    ratio: int = 100
    slack_bytes: int = 2**20
    total_bytes: int = 2**40
    entries: int = 500_000

    def check_bytes(self, unpacked: int, packed: int) -> None:
        """Raises: ArchiveError."""
        if unpacked > self.total_bytes:
            raise ArchiveError(f"more than {self.total_bytes} unpacked bytes")
        if unpacked > self.ratio * packed + self.slack_bytes:
            raise ArchiveError(f"more than {self.ratio} times its size when unpacked")

    def check_entries(self, count: int) -> None:
        """Raises: ArchiveError."""
        if count > self.entries:
            raise ArchiveError(f"more than {self.entries} entries")


@dataclass(frozen=True)
class Entry:
    """One entry; `chunks` gives the bytes of a file and can be read once, before the next entry."""

    name: str
    type: Type
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))
    link: str = ""


def safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a relative path that stays where it is put, on this system and on others.

    Raises:
        ArchiveError: it is absolute, climbs (`..`), or hides that by encoding, look-alikes, backslashes or
            control characters; or it is too long or deep.
    """
    if len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
        raise ArchiveError("a name that is too long")
    for form in _readings(name):
        _check(form)
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if len(parts) > _DEEPEST:
        raise ArchiveError("folders nested too deep")
    if any(len(part.encode("utf-8", "surrogateescape")) > _LONGEST_PART for part in parts):
        raise ArchiveError("a name that is too long")
    return parts


def _readings(name: str) -> Iterator[str]:
    """The name as it is, and as a careless reader may take it."""
    yield name
    for _ in range(_DECODINGS):
        name = unquote(name, errors="replace")
        yield name
        yield unicodedata.normalize("NFKC", name)


def _check(name: str) -> None:
    if any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in name):
        raise ArchiveError("a name with control characters")
    if name.startswith(("/", "~")) or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise ArchiveError("an absolute path, or one of another system")
    if any(part.rstrip(" .") == "" and part.count(".") > 1 for part in name.split("/")):
        raise ArchiveError("a path that leads outside")


class Names:
    """The names seen so far; no two may be one file on a system that ignores case."""

    def __init__(self) -> None:
        self._files: set[int] = set()
        self._folders: dict[int, int] = {}

    def add(self, parts: tuple[str, ...], kind: Type) -> None:
        """Take down an entry and the folders it lies in.

        Raises:
            ArchiveError: the name is there already, or only its case differs, or it is a folder as well.
        """
        folders = parts if kind is Type.FOLDER else parts[:-1]
        for depth in range(1, len(folders) + 1):
            self._add_folder("/".join(folders[:depth]))
        if kind is not Type.FOLDER:
            key = _key("/".join(parts))
            if key in self._files or key in self._folders:
                raise ArchiveError("two entries of one name")
            self._files.add(key)

    def _add_folder(self, name: str) -> None:
        key, exact = _key(name), hash(name)
        if key in self._files or self._folders.setdefault(key, exact) != exact:
            raise ArchiveError("two entries of one name")


def _key(name: str) -> int:
    return hash(unicodedata.normalize("NFKC", name).casefold())
