"""Ways to break a file: bits, bytes, lengths, elements, ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.fuzz_seeds import Element, Seed

Rng = np.random.Generator


@dataclass(frozen=True)
class Case:
    """One broken file of a seed. `in_pixels` says that its header is as it was."""

    seed: Seed
    file: str
    kind: str
    in_pixels: bool
    data: bytes


def case_of(seeds: list[Seed], number: int, entropy: int) -> Case:
    """The case with this number: always the same."""
    rng = np.random.default_rng([entropy, number])
    seed = seeds[number % len(seeds)]
    names = sorted(seed.files, key=lambda name: (not name.endswith(".xml"), name))
    file = names[0] if names[0].endswith(".xml") else str(rng.choice(names))
    end = seed.header_ends[file]
    in_pixels = bool(rng.random() < _SHARE_IN_PIXELS) and end < len(seed.files[file])
    kind = str(rng.choice(list(_IN_PIXELS if in_pixels else _IN_HEADER)))
    data = _KINDS[kind](_Breaker(seed, file, rng, in_pixels))
    return Case(seed, file, kind, data[:end] == seed.files[file][:end], data)


_SHARE_IN_PIXELS = 0.1


class _Breaker:
    """Draws places in one file; every method gives the broken bytes."""

    def __init__(self, seed: Seed, file: str, rng: Rng, in_pixels: bool) -> None:
        self.data = bytearray(seed.files[file])
        self.seed, self.file, self.rng = seed, file, rng
        header = seed.header_ends[file]
        self.low, self.high = (header, len(self.data)) if in_pixels else (0, min(header, len(self.data)))

    def place(self) -> int:
        return int(self.rng.integers(self.low, self.high))

    def element(self) -> Element:
        elements = self.seed.elements[self.file]
        if not elements:
            at = self.place()
            return Element(at, at, 2, min(at + 16, len(self.data)))
        return elements[self.rng.integers(len(elements))]

    def bits(self) -> bytes:
        for _ in range(self.rng.integers(1, 4)):
            self.data[self.place()] ^= 1 << int(self.rng.integers(8))
        return bytes(self.data)

    def byte(self) -> bytes:
        for _ in range(self.rng.integers(1, 4)):
            self.data[self.place()] = int(self.rng.integers(256))
        return bytes(self.data)

    def end(self) -> bytes:
        return bytes(self.data[: self.place()])

    def length(self) -> bytes:
        element = self.element()
        field = slice(element.length_at, element.length_at + element.length_bytes)
        old, most = int.from_bytes(self.data[field], "little"), (1 << 8 * element.length_bytes) - 1
        new = int(self.rng.choice([0, 1, old + 1, old - 1, old + 2, old * 2, most, most - 1, most // 2]))
        self.data[field] = (new & most).to_bytes(element.length_bytes, "little")
        return bytes(self.data)

    def type(self) -> bytes:
        at = self.element().start + 4
        self.data[at : at + 2] = _VRS[self.rng.integers(len(_VRS))]
        return bytes(self.data)

    def swap(self) -> bytes:
        one, other = sorted((self.element(), self.element()), key=lambda each: each.start)
        if one.end > other.start:
            return self.bits()
        data = self.data
        parts = (data[: one.start], data[other.start : other.end], data[one.end : other.start])
        return b"".join((*parts, data[one.start : one.end], data[other.end :]))

    def drop(self) -> bytes:
        element = self.element()
        return bytes(self.data[: element.start] + self.data[element.end :])

    def double(self) -> bytes:
        one, other = self.element(), self.element()
        return bytes(self.data[: other.end] + self.data[one.start : one.end] + self.data[other.end :])

    def insert(self) -> bytes:
        at = self.place()
        return bytes(self.data[:at]) + self.rng.bytes(int(self.rng.integers(1, 9))) + bytes(self.data[at:])

    def marker(self) -> bytes:
        at = self.place()
        mark = _MARKS[self.rng.integers(len(_MARKS))]
        self.data[at : at + len(mark)] = mark
        return bytes(self.data)

    def copy(self) -> bytes:
        source, target, size = self.place(), self.place(), int(self.rng.integers(1, 65))
        self.data[target : target + size] = self.data[source : source + size]
        return bytes(self.data)

    def header(self) -> bytes:
        """The header of another slice, or of the same one again."""
        donor = str(self.rng.choice(sorted(self.seed.files)))
        head = self.seed.files[donor][: self.seed.header_ends[donor]]
        return head + bytes(self.data[self.seed.header_ends[self.file] :])


_KINDS: dict[str, Callable[[_Breaker], bytes]] = {
    "bits": _Breaker.bits,
    "byte": _Breaker.byte,
    "end": _Breaker.end,
    "length": _Breaker.length,
    "type": _Breaker.type,
    "swap": _Breaker.swap,
    "drop": _Breaker.drop,
    "double": _Breaker.double,
    "insert": _Breaker.insert,
    "marker": _Breaker.marker,
    "copy": _Breaker.copy,
    "header": _Breaker.header,
}
_IN_HEADER = tuple(_KINDS)
_IN_PIXELS = ("bits", "byte", "end", "insert", "marker", "copy")

_VRS = (b"UN", b"SQ", b"OB", b"OW", b"CS", b"LO", b"DS", b"IS", b"US", b"SS", b"UT", b"PN", b"ZZ", b"\0\0")
_MARKS = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\x0d\xe0",
    b"\xfe\xff\xdd\xe0",
    b"\xe0\x7f\x10\x00",
    b"\x08\x00\x05\x00",
    b"1e309",
    b"nan",
    b"<!DOCTYPE x>",
)
