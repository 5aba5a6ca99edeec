"""Download CT series with s5cmd, which idc-index installs: resumable, and whole or not at all.

A series is loaded into a folder beside the download; when its number of files and bytes are those of the
index, and every file has the size and MD5 that the service gives for it, it is moved to its place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from lungml.errors import OutputError, ServiceError
from lungml.idc.catalogue import Series, size_of
from lungml.progress import say, track
from lungml.quarantine import hashed_uid

_SECONDS_TO_ANSWER = 5.0
_SECONDS_TO_LIST = 120
_SLOWEST_BYTES_PER_S = 20_000
_TRIES = 3


@dataclass(frozen=True)
class _File:
    """A file of a series as the service has it; `md5` is '' where it does not say."""

    url: str
    size_bytes: int
    md5: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


def download(series: Sequence[Series], folder: Path, endpoint: str) -> int:
    """Bring the series into `folder`/<PatientID>/<SeriesInstanceUID>; what is whole there stays.

    Returns:
        How many series were loaded now.

    Raises:
        ServiceError: `endpoint` does not answer, or what it sends is not what its index says.
        OutputError: there is no space, or `folder` cannot be written.
    """
    missing = [each for each in series if not is_whole(each, folder)]
    if not missing:
        return 0
    _check_space(missing, folder)
    check_answers(endpoint)
    size = size_of(missing)
    say(f"  {size.series} of {len(series)} series to load, {size.gb:.1f} GB; if stopped, it goes on later")
    for each in track(missing, "series", len(missing)):
        _load(each, folder, endpoint)
    return len(missing)


def place_of(series: Series, folder: Path) -> Path:
    """Where a whole series is."""
    return folder / _plain(series.patient_id) / _plain(series.series_uid)


def is_whole(series: Series, folder: Path) -> bool:
    """Whether the series is there with as many files and bytes as the index says."""
    return _amount(place_of(series, folder)) == (series.images, series.size_bytes)


def check_answers(endpoint: str) -> None:
    """Refuse at once where there is no network.

    Raises:
        ServiceError: nothing answers within five seconds.
    """
    parts = urlsplit(endpoint)
    proxy = getproxies().get(parts.scheme)
    place = urlsplit(proxy) if proxy else parts
    answered = threading.Event()

    def connect() -> None:
        try:
            port = place.port or (443 if place.scheme == "https" else 80)
            socket.create_connection((place.hostname or "", port), _SECONDS_TO_ANSWER).close()
            answered.set()
        except OSError:
            return

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(_SECONDS_TO_ANSWER)
    if not answered.is_set():
        raise ServiceError(
            f"the Imaging Data Commons ({parts.hostname}) cannot be reached; check the network, or bring the "
            "files from where there is one and name their folder (acquire.source: local). What was loaded "
            "so far is kept, and the same command goes on from there"
        )


def _load(series: Series, folder: Path, endpoint: str) -> None:
    final = place_of(series, folder)
    part = folder.with_name(f".{folder.name}.part") / final.name
    try:
        part.mkdir(parents=True, exist_ok=True)
        final.parent.mkdir(parents=True, exist_ok=True)
        files = _listed(series, endpoint)
        for _ in range(_TRIES):
            wanted = [file for file in files if not _is_here(file, part)]
            if not wanted:
                break
            _copy(wanted, part, endpoint, series)
        _remove_strangers(part, files)
        _check(series, part, files)
        if final.is_dir():
            shutil.rmtree(final)
        part.rename(final)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror}; free space or choose another acquire.folder, "
            "and run the same command again"
        ) from error


def _listed(series: Series, endpoint: str) -> list[_File]:
    """The files of a series; names that are no plain names are refused."""
    lines = _s5cmd(["ls", "--etag", f"{series.url}*"], endpoint, _SECONDS_TO_LIST).splitlines()
    files = []
    for line in lines:
        entry = json.loads(line)
        etag = entry.get("etag", "")
        file = _File(entry["key"], int(entry.get("size", 0)), etag if "-" not in etag else "")
        if entry.get("type") == "file" and _plain(file.name):
            files.append(file)
    return files


def _copy(files: Sequence[_File], part: Path, endpoint: str, series: Series) -> None:
    commands = part / ".commands"
    lines = (f"cp {json.dumps(file.url)} {json.dumps(str(part / file.name))}\n" for file in files)
    commands.write_text("".join(lines), encoding="utf-8")
    seconds = max(_SECONDS_TO_LIST, series.size_bytes // _SLOWEST_BYTES_PER_S)
    try:
        _s5cmd(["run", str(commands)], endpoint, seconds)
    finally:
        commands.unlink()


def _s5cmd(words: list[str], endpoint: str, seconds: int) -> str:
    """Run s5cmd without an account, and give what it prints.

    Raises:
        ServiceError: it is not installed, fails, or takes too long.
    """
    beside = Path(sys.executable).with_name("s5cmd")
    program = str(beside) if beside.is_file() else shutil.which("s5cmd")
    if program is None:
        raise ServiceError("s5cmd is not installed; `make setup` brings it with idc-index")
    command = [
        program,
        "--json",
        "--no-sign-request",
        "--retry-count",
        "3",
        "--endpoint-url",
        endpoint,
        *words,
    ]
    environment = {**os.environ, "AWS_REGION": os.environ.get("AWS_REGION", "us-east-1")}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(
            "the Imaging Data Commons sends too slowly; run the same command again, it goes on where it was"
        ) from None
    if done.returncode:
        raise ServiceError(
            f"the Imaging Data Commons did not give all files (s5cmd ended with {done.returncode}: "
            f"{_reason(done.stderr)}); run the same command again, it goes on where it was"
        )
    return done.stdout


def _reason(text: str) -> str:
    """The first error that s5cmd tells, without addresses."""
    for line in text.splitlines():
        try:
            error = str(json.loads(line).get("error", ""))
        except ValueError:
            error = line
        if error:
            return error.split(" caused by: ")[0].split("://")[0][:100]
    return "no reason given"


def _is_here(file: _File, part: Path) -> bool:
    path = part / file.name
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    return not file.md5 or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == file.md5


def _remove_strangers(part: Path, files: Sequence[_File]) -> None:
    names = {file.name for file in files}
    for path in part.iterdir():
        if path.name not in names and not path.is_dir():
            path.unlink()


def _check(series: Series, part: Path, files: Sequence[_File]) -> None:
    broken = [file for file in files if not _is_here(file, part)]
    images, size = _amount(part)
    if broken or (images, size) != (series.images, series.size_bytes):
        raise ServiceError(
            f"series {hashed_uid(series.series_uid)} came as {images} files of {size} bytes "
            f"({len(broken)} damaged), but the index says {series.images} of {series.size_bytes}; run the "
            "same command again, and if it stays so, a newer idc-index may know a newer version of the series"
        )


def _amount(folder: Path) -> tuple[int, int]:
    """How many files there are, and their bytes."""
    sizes = [path.stat().st_size for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    return len(sizes), sum(sizes)


def _check_space(missing: Sequence[Series], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        raise OutputError(
            f"cannot write {folder} ({error.strerror}); choose another acquire.folder"
        ) from error
    needed = size_of(missing).gb
    if needed > free:
        raise OutputError(
            f"{needed:.1f} GB are to be loaded into {folder}, where {free:.1f} GB are free; take fewer "
            "patients (acquire.idc.max_gb) or choose another acquire.folder"
        )


def _plain(name: str) -> str:
    """The name, if it is one.

    Raises:
        ServiceError: it could lead elsewhere.
    """
    if not name or name.startswith(".") or any(sign in name for sign in "/\\\0\n\"'*?"):
        raise ServiceError(
            "the Imaging Data Commons gave a name that is no file name; nothing is loaded from it"
        )
    return name
