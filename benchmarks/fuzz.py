"""Broken files by the thousand: each one is refused, or read and equal; never a crash, a hang or a lie."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fuzz_mutations import Case, case_of
from benchmarks.fuzz_outcomes import Outcome, Read, judge, read_folder
from benchmarks.fuzz_seeds import make_seeds
from benchmarks.result import Result, parser, show

CLAIM = (
    "No broken file ends in a crash or a hang, and at most 0.05 % are read with other HU or geometry unsaid"
)
COLUMNS = ("outcome", "header", "share", "pixels", "share ")


def measure(cases: int, first: int, entropy: int, chunk: int) -> tuple[Result, list[str]]:
    """Judge cases `first` to `first + cases`, `chunk` in a process.

    Returns:
        The result, and a line for each case that must not be.
    """
    counts: Counter[tuple[Outcome, bool]] = Counter()
    bad: list[str] = []
    peak = 0.0
    for start in range(first, first + cases, chunk):
        numbers = range(start, min(start + chunk, first + cases))
        part, lines, mebibytes = _in_new_process(numbers, entropy)
        counts += part
        bad += lines
        peak = max(peak, mebibytes)
        print(f"{numbers.stop - first} of {cases} cases, {len(bad)} that must not be", file=sys.stderr)
    return Result(CLAIM, COLUMNS, _rows(counts), (_NOTE.format(len(bad), peak),)), bad


_NOTE = (
    "Cases in pixels change only bytes of pixel values (or of the compressed or deflated stream): DICOM has "
    "no checksum, so values that stay possible cannot be told from true ones. Cases that must not be: {}. "
    "Peak memory of a process: {:.0f} MiB."
)


def _rows(counts: Counter[tuple[Outcome, bool]]) -> tuple[tuple[str | int | float, ...], ...]:
    totals = [max(1, sum(count for (_, each), count in counts.items() if each is part)) for part in _PARTS]
    rows = []
    for outcome in Outcome:
        header, pixels = (counts[outcome, part] for part in _PARTS)
        rows.append((outcome.value, header, f"{header / totals[0]:.3%}", pixels, f"{pixels / totals[1]:.3%}"))
    return tuple(rows)


_PARTS = (False, True)
_Part = tuple[Counter[tuple[Outcome, bool]], list[str], float]


def _in_new_process(numbers: range, entropy: int) -> _Part:
    """A process that dies is a finding, too."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_judge_all, numbers, entropy).result()
        except BrokenProcessPool:
            line = f"cases {numbers.start} to {numbers.stop - 1}: the process died"
            return Counter({(Outcome.UNCAUGHT, False): 1}), [line], 0.0


def _judge_all(numbers: range, entropy: int) -> _Part:
    counts: Counter[tuple[Outcome, bool]] = Counter()
    bad = []
    with TemporaryDirectory(prefix="lungml-fuzz-") as place:
        seeds = make_seeds(Path(place) / "seeds")
        good = {seed.name: read_folder(Path(place) / "seeds" / seed.name) for seed in seeds}
        (Path(place) / "here").mkdir()
        os.chdir(Path(place) / "here")
        for number in numbers:
            case = case_of(seeds, number, entropy)
            outcome, what = _judge(Path(place) / "case", case, good[case.seed.name])
            counts[outcome, case.in_pixels] += 1
            if outcome not in _GOOD and not (case.in_pixels and outcome is Outcome.SILENT):
                bad.append(f"{number} {case.seed.name} {case.kind}: {outcome.value} {what}")
        bad += [f"{path.name} was written outside" for path in Path.cwd().iterdir()]
        os.chdir(place)
    return counts, bad, _peak_mib()


_GOOD = (Outcome.REFUSED, Outcome.EQUAL, Outcome.SAID)


def _judge(folder: Path, case: Case, good: Read) -> tuple[Outcome, str]:
    files = {**case.seed.files, case.file: case.data}
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return judge(folder, files, good)


def _peak_mib() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else float("nan")


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--cases", type=int, default=100_000)
    arguments.add_argument("--first", type=int, default=0, help="number of the first case")
    arguments.add_argument("--seed", type=int, default=20261124)
    arguments.add_argument("--chunk", type=int, default=2_000, help="cases in one process")
    given = arguments.parse_args()
    found, lines = measure(given.cases, given.first, given.seed, given.chunk)
    show(found, given.json)
    print("\n".join(lines))
