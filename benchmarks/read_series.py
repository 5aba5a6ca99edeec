"""Reading a CT series to HU: lungml beside MONAI, SimpleITK, dicomsdl and a loop over pydicom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.competitors import Reader, readers
from benchmarks.example_series import CODINGS, example_hu, write_example
from benchmarks.result import Result, Value, parser, show
from benchmarks.timing import Contender, times_of
from lungml.ct.read import read_volume
from lungml.ct.volume import Hu

CLAIM = "Reading a series to an HU volume is 5 times as fast as MONAI and 3 times as fast as SimpleITK"
COLUMNS = ("coding", "reader", "seconds", "times lungml's", "CPU seconds", "times lungml's CPU")


def measure(slices: int, side: int, rounds: int, codings: Sequence[str], others: bool = True) -> Result:
    """Time every reader on a generated series of (slices, side, side) in `codings`.

    Raises:
        RuntimeError: a coding gave lungml other voxels than the uncompressed series.
    """
    competitors, notes = readers() if others else ({}, ())
    with TemporaryDirectory(prefix="lungml-benchmark-") as folder:
        raw = Path(folder)
        names = write_example(raw / "uncompressed", example_hu(slices, side))
        rows = []
        for coding in ("uncompressed", *codings):
            _encode(raw, coding, names)
            _check_voxels(raw, coding, names)
            rows += list(_rows([raw / coding / name for name in names], competitors, rounds))
    return Result(CLAIM, COLUMNS, tuple(rows), (_NOTE.format(slices=slices, side=side), *notes))


_NOTE = (
    "{slices} slices of {side} x {side}, files in the page cache. lungml reads and orders headers, checks "
    "the series and gives int16 HU with padding as air and a padding mask. MONAI is given the folder, "
    "SimpleITK and dicomsdl the files in order; they give float or 32-bit HU with padding as it is."
)


def _encode(raw: Path, coding: str, names: list[str]) -> None:
    if coding in CODINGS:
        (raw / coding).mkdir()
        for name in names:
            CODINGS[coding](raw / "uncompressed" / name, raw / coding / name)


def _check_voxels(raw: Path, coding: str, names: list[str]) -> None:
    plain, coded = (_lungml([raw / each / name for name in names]) for each in ("uncompressed", coding))
    if not np.array_equal(plain, coded):
        raise RuntimeError(
            f"{coding} gives other voxels than the uncompressed series; this is a fault of lungml"
        )


def _lungml(files: list[Path]) -> Hu:
    return read_volume(files[0].parent, pd.DataFrame({"path": [file.name for file in files]})).hu


def _rows(files: list[Path], competitors: dict[str, Reader], rounds: int) -> Iterator[tuple[Value, ...]]:
    readers = {"lungml": _lungml, **competitors}
    contenders = [Contender(name, partial(read, files)) for name, read in readers.items()]
    times = times_of(contenders, rounds)
    ours = times["lungml"]
    for name, each in times.items():
        coding = files[0].parent.name
        yield coding, name, each.wall, each.wall / ours.wall, each.cpu, each.cpu / ours.cpu


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--slices", type=int, default=200)
    arguments.add_argument("--side", type=int, default=512)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--codings", nargs="*", default=list(CODINGS), choices=list(CODINGS))
    given = arguments.parse_args()
    show(measure(given.slices, given.side, given.rounds, given.codings), given.json)
