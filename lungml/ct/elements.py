"""Values of DICOM elements from their raw bytes."""

from __future__ import annotations

import math
import re
import struct
import sys
from functools import lru_cache
from typing import Any

from pydicom.dataelem import RawDataElement


def shown(text: str) -> str:
    """A defined term or UID as a message may have it; anything else may be a patient's name."""
    return text if text in _TERMS or re.fullmatch("[0-9.]{1,64}", text) else f"{len(text)} other characters"


_TERMS = (
    "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
    "MONOCHROME1", "MONOCHROME2", "OD", "HGML", "US", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT",
)  # fmt: skip
"""Photometric interpretations and rescale types."""


class Elements:
    """Raw elements of one data set; remembers the names of those that cannot be parsed."""

    def __init__(self, dataset: Any) -> None:
        self._values = {int(each.tag): each.value for each in dataset.elements() if _is_raw(each)}
        self._order = "<" if dataset.original_encoding[1] in (True, None) else ">"
        self.unreadable: list[str] = []

    def text(self, tag: int) -> str:
        """Text without padding; '' if missing."""
        value = self._bytes(tag)
        return sys.intern(value.decode("utf-8", errors="replace").strip(" \0")) if value else ""

    def texts(self, tag: int) -> tuple[str, ...]:
        """Backslash-separated texts; empty if missing."""
        return _parts(self.text(tag))

    def numbers(self, tag: int, name: str, count: int) -> tuple[float, ...] | None:
        """`count` finite decimal strings; None if missing or (then `unreadable` has the name) unusable."""
        text = self.text(tag)
        if not text:
            return None
        values = _finite(text)
        if len(values) != count:
            self.unreadable.append(name)
            return None
        return values

    def number(self, tag: int, name: str) -> float | None:
        """One decimal string, possibly not finite; None if missing or unusable."""
        text = self.text(tag)
        if not text:
            return None
        try:
            return float(text.split("\\")[0])
        except ValueError:
            self.unreadable.append(name)
            return None

    def words(self, tag: int, name: str) -> int | None:
        """An unsigned 16-bit number (a signed one gives its bit pattern); None if missing or unusable."""
        value = self._bytes(tag)
        if not value:
            return None
        if len(value) < 2:
            self.unreadable.append(name)
            return None
        return int(struct.unpack_from(f"{self._order}H", value)[0])

    def _bytes(self, tag: int) -> bytes | None:
        return self._values.get(tag)


def _is_raw(element: Any) -> bool:
    """Whether pydicom left the bytes as they are; asked for one by one, it would convert empty ones."""
    return isinstance(element, RawDataElement) and isinstance(element.value, bytes)


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[str, ...]:
    """Remembered, as files of a series share them: 100,000 headers are kept at a time."""
    return tuple(part.strip() for part in text.split("\\")) if text else ()


@lru_cache(maxsize=4096)
def _finite(text: str) -> tuple[float, ...]:
    """Empty if one of them is not a finite number."""
    try:
        values = tuple(float(part) for part in text.split("\\"))
    except ValueError:
        return ()
    return values if all(math.isfinite(value) for value in values) else ()
