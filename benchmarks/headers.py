"""Reading headers: files a second beside pydicom, and the memory that the headers of many files take."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom

from benchmarks.example_series import example_hu, write_example
from benchmarks.result import Result, parser, show
from benchmarks.timing import Contender, seconds_of
from lungml.ct.read_header import read_header
from lungml.ct.scan import scan_folder

CLAIM = "Headers are read many times as fast as by pydicom, and 100,000 of them take little memory"
COLUMNS = ("reader", "files", "files a second", "times lungml's time")


def measure(files: int, sample: int, rounds: int) -> Result:
    """Time reading `sample` headers, and measure the memory of a tenth and all of `files` of them."""
    with TemporaryDirectory(prefix="lungml-benchmark-") as folder:
        raw = Path(folder)
        write_many(raw, files)
        paths = scan_folder(raw).dicom
        seconds = seconds_of(_contenders(raw, paths[:sample]), rounds)
        few, many = (_peak_mib(raw, paths[:count]) for count in (files // 10, files))
    rows = [(name, sample, sample / value, value / seconds["lungml"]) for name, value in seconds.items()]
    each = (many - few) / (files - files // 10) * 1e5
    return Result(CLAIM, COLUMNS, tuple(rows), (_NOTE.format(files // 10, files, few, many, each),))


_NOTE = (
    "One process; files in the page cache, each with its own UID, position and path, in series of 100. "
    "A process that holds the headers of {} and {} files, as the index does, takes {:.0f} and {:.0f} MiB at "
    "most: {:.0f} MiB for each 100,000."
)


def write_many(raw: Path, files: int) -> None:
    """Write small files that differ in UID and position: one series, with other digits for every next one."""
    names = write_example(raw / "template", example_hu(_SLICES, 16), _SERIES)
    templates = [(raw / "template" / name).read_bytes() for name in names]
    shutil.rmtree(raw / "template")
    for number in range(files):
        series, index = divmod(number, _SLICES)
        folder = raw / f"{series:05}"
        if index == 0:
            folder.mkdir()
        (folder / names[index]).write_bytes(_of_series(series, templates[index]))


_SLICES = 100
_SERIES = 7_000_000


def _of_series(series: int, template: bytes) -> bytes:
    """Other digits, as many as before, so that no length changes."""
    x, y = divmod(series, 800)
    data = template.replace(b"2.25.%d." % _SERIES, b"2.25.%d." % (_SERIES + series))
    return data.replace(b"-180\\-180\\", b"-%d\\-%d\\" % (100 + x, 100 + y))


def _contenders(raw: Path, paths: tuple[str, ...]) -> list[Contender]:
    return [
        Contender("lungml", partial(_each, read_header, raw, paths)),
        Contender("pydicom stop_before_pixels", partial(_each, _with_pydicom, raw, paths)),
        Contender("the same, and its values", partial(_each, _values_with_pydicom, raw, paths)),
    ]


def _each(read: Callable[[Path, str], object], raw: Path, paths: tuple[str, ...]) -> None:
    for path in paths:
        read(raw, path)


def _with_pydicom(raw: Path, path: str) -> pydicom.Dataset:
    return pydicom.dcmread(raw / path, stop_before_pixels=True)


def _values_with_pydicom(raw: Path, path: str) -> object:
    """Some of what the index needs, as pydicom gives it."""
    dataset = _with_pydicom(raw, path)
    return [dataset.get(name) for name in _TAGS]


_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "ImageType",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept",
    "Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation",
    "Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "KVP", "SliceThickness",
)  # fmt: skip


def _peak_mib(raw: Path, paths: tuple[str, ...]) -> float:
    """Peak memory of a new process that reads and keeps all headers."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_keep_all, (raw, paths))


def _keep_all(raw: Path, paths: tuple[str, ...]) -> float:
    headers = [read_header(raw, path) for path in paths]
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if peak is None or len(headers) != len(paths):
        raise OSError("the kernel does not tell the peak memory of this process")
    return int(peak[1]) / 1024


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--files", type=int, default=100_000)
    arguments.add_argument("--sample", type=int, default=2_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    show(measure(given.files, given.sample, given.rounds), given.json)
