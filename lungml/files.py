"""Files and folders that are either whole or not there, and their checksums.

Everything is written under a temporary name beside its place, synced and renamed, so a killed process
leaves no half-written output (fault C01).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungml.errors import InputError, MissingInputError, OutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1 << 20


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on a clean exit it is synced and renamed to `path`.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    temporary = _temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder beside `path`; on a clean exit it replaces `path` as a whole.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    temporary = _temporary_name(path)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def unnamed_bytes(size: int, folder: Path | None) -> NDArray[np.uint8]:
    """Bytes on disk, mapped into memory; without a name, so they go with the process, however it ends.

    Args:
        size: how many, at least one; the space is taken at once: a full disk would kill the process later.
        folder: where; None is the system's folder for temporary files.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    import numpy as np

    place = folder or Path(tempfile.gettempdir())
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.uint8, "r+", shape=(size,))
    except OSError as error:
        raise _output_error(place / "(temporary)", error) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as a whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys (equal values give equal bytes); NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is not JSON.
    """
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; run the stage that writes it (`dvc repro`)")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}); delete it and run `dvc repro`") from error


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, no spaces), in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def code_sha256() -> str:
    """SHA-256 of lungml's own source files, in hexadecimal."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return sha256_json([sha256_file(file) for file in files])


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp-{os.getpid()}")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _output_error(path: Path, error: OSError) -> OutputError:
    free = shutil.disk_usage(_existing_parent(path)).free / 1e9
    return OutputError(
        f"cannot write {path}: {error.strerror or error} ({free:.1f} GB free there). "
        "What was there before is kept; free space or choose another place, and run the same command again"
    )


def _existing_parent(path: Path) -> Path:
    return next(parent for parent in path.absolute().parents if parent.exists())
