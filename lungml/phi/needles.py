"""Many words looked for at once in bytes, however they are written: case, character set, base64, escapes."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import numpy as np
from numpy.typing import NDArray

SHORTEST = 4
"""Shorter words are in nearly every file."""
_SHORT = 6
"""Words below this, and numbers, must stand alone."""
_SHORTEST_PACKED = 8
_DATE = 8
"""Digits of a date; a time may follow them."""
_KEY = 4
_CONTEXT = 8
_CHARSETS = (
    "utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "latin-1", "cp1252", "iso8859_2", "iso8859_5",
    "iso8859_7", "koi8_r", "shift_jis", "euc_jp", "euc_kr", "gb18030",
)  # fmt: skip
_PRINTABLE = frozenset([*range(0x20, 0x7F), 9, 10, 13])


@dataclass(frozen=True)
class Needle:
    """One way to write the word number `word`; `step` is the width of its characters."""

    data: bytes
    word: int
    step: int
    alone: bool


@dataclass(frozen=True)
class Hit:
    """A word was found: its number, and where it begins."""

    word: int
    at: int


class Needles:
    """Finds words in a stream of bytes; the time does not depend on how many words there are."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = sorted({word.strip() for word in words if len(word.strip()) >= SHORTEST})
        self._by_key: dict[bytes, list[Needle]] = defaultdict(list)
        self._last, self._before = (np.zeros(1 << 16, np.bool_) for _ in range(2))
        longest = 0
        for needle in {form for number, word in enumerate(self.words) for form in _forms(word, number)}:
            key = needle.data[-_KEY:]
            self._by_key[key].append(needle)
            self._before[int.from_bytes(key[:2], "little")] = True
            self._last[int.from_bytes(key[2:], "little")] = True
            longest = max(longest, len(needle.data))
        self._overlap = longest + 2 * _CONTEXT

    def find(self, chunks: Iterable[bytes]) -> Iterator[Hit]:
        """Every place where a word stands in the bytes, in the order of their ends."""
        if not self.words:
            return
        kept, start, seen = b"", 0, 0
        for chunk in chunks:
            data = kept + chunk.lower()
            yield from self._find(data, start, seen, len(data) - _CONTEXT)
            seen = max(seen, start + len(data) - _CONTEXT)
            start += max(0, len(data) - self._overlap)
            kept = data[-self._overlap :]
        yield from self._find(kept, start, seen, len(kept))

    def _find(self, data: bytes, start: int, seen: int, limit: int) -> Iterator[Hit]:
        """Hits in `data`, which lies at `start`, that end behind `seen` and not behind `data[:limit]`."""
        for end in self._candidates(data):
            if not seen < start + end <= start + limit:
                continue
            for needle in self._by_key.get(data[end - _KEY : end], ()):
                begin = end - len(needle.data)
                if begin >= 0 and data[begin:end] == needle.data and _stands(data, begin, end, needle):
                    yield Hit(needle.word, start + begin)

    def _candidates(self, data: bytes) -> list[int]:
        """Ends of what could be a word, by its last four bytes."""
        if len(data) < _KEY:
            return []
        codes: NDArray[np.uint16] = np.frombuffer(data, np.uint8)[:-1].astype(np.uint16)
        codes |= np.frombuffer(data, np.uint8)[1:].astype(np.uint16) << 8
        found: list[int] = (np.flatnonzero(self._last[codes[2:]] & self._before[codes[:-2]]) + _KEY).tolist()
        return found


def _stands(data: bytes, begin: int, end: int, needle: Needle) -> bool:
    """Whether a short word is a word here, and not a part of one or of numbers that look like it."""
    if not needle.alone:
        return True
    before, after = data[max(0, begin - needle.step) : begin], data[end : end + needle.step]
    may_go_on = len(needle.data) >= _DATE * needle.step
    if _is_letter(before) or (_is_letter(after) and not may_go_on):
        return False
    sides = (data[max(0, begin - _CONTEXT) : begin], data[end : end + _CONTEXT])
    return len(needle.data) >= _SHORT or any(_is_text(side) for side in sides)


def _is_letter(unit: bytes) -> bool:
    return unit.strip(b"\0").isalnum()


def _is_text(side: bytes) -> bool:
    return sum(byte in _PRINTABLE for byte in side) >= 0.75 * len(side)


def _forms(word: str, number: int) -> Iterator[Needle]:
    alone = len(word) < _SHORT or word.isdigit()
    for text in {word, word.lower(), word.upper(), *(_normal(word, form) for form in ("NFC", "NFD"))}:
        for charset in _CHARSETS:
            try:
                data = text.encode(charset)
            except UnicodeEncodeError:
                continue
            step = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4}.get(charset, 1)
            yield Needle(data.lower(), number, step, alone)
    escaped = {json.dumps(word)[1:-1], html.escape(word), quote(word), quote_plus(word)}
    escaped.add(word.encode("ascii", "xmlcharrefreplace").decode())
    for text in escaped:
        yield Needle(text.encode().lower(), number, 1, alone)
    if len(word) >= _SHORTEST_PACKED:
        yield Needle(word.encode().hex().encode(), number, 1, alone=False)
        for packed in _base64(word.encode()):
            yield Needle(packed.lower(), number, 1, alone=False)


def _normal(word: str, form: str) -> str:
    return unicodedata.normalize(form, word)  # type: ignore[arg-type]


def _base64(data: bytes) -> Iterator[bytes]:
    """What base64 makes of the word at each of the three places in a group; only whole groups are sure."""
    for skipped in range(3):
        padded = b"\0" * skipped + data
        packed = base64.b64encode(padded[: len(padded) // 3 * 3])
        yield packed[4 if skipped else 0 :]
