"""The slices of a series read into the planes of its volume, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lungml.compute import workers
from lungml.ct.decoding import PLUGINS
from lungml.ct.direct import DirectReader, place
from lungml.ct.header import Header
from lungml.ct.hounsfield import to_hounsfield
from lungml.ct.pixels import is_plain, read_stored
from lungml.ct.volume import Hu, Mask


def fill_planes(raw: Path, ordered: Sequence[Header], hu: Hu, padding: Mask) -> None:
    """Read image i into `hu[i]` and `padding[i]`, each (row, column), which may be views.

    Threads, as many as `compute.workers()`, read what leaves Python alone: bytes, and images that a process
    of their own decodes. The result and the error do not depend on them.

    Raises:
        RefusedError: of the first image that cannot be read.
    """
    filling = _Filling(raw, ordered, hu, padding)
    runs = [range(start, min(start + _RUN, len(ordered))) for start in range(0, len(ordered), _RUN)]
    threads = min(workers(), _MAX_THREADS, len(runs)) if all(map(_leaves_python, ordered)) else 1
    if threads == 1:
        for run in runs:
            filling.read(run)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(filling.read, runs):
            pass


_RUN = 8
"""Slices that a thread takes at a time."""
_MAX_THREADS = 4
"""More do not help: memory is the limit of bytes, and every decoder takes some."""


def _leaves_python(header: Header) -> bool:
    return is_plain(header.pixels) or header.pixels.transfer_syntax in PLUGINS


@dataclass(frozen=True)
class _Filling:
    raw: Path
    ordered: Sequence[Header]
    hu: Hu
    padding: Mask

    def read(self, run: range) -> None:
        direct = DirectReader(self.raw, self.hu.shape[1:])
        for index in run:
            header, hu, padding = self.ordered[index], self.hu[index], self.padding[index]
            if direct.read_into(header, hu, padding):
                continue
            stored = read_stored(self.raw, header)
            if not place(stored, header, hu, padding):
                hu[...], padding[...] = to_hounsfield(stored, header)
