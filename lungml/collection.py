"""Files of a folder someone else keeps, brought into ours without touching theirs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lungml.errors import InputError, MissingInputError
from lungml.progress import track

_SUFFIXES = frozenset(
    {
        *(".dcm", ".dicom", ".ima", ".xml"),
        *(".nii", ".nrrd", ".mha", ".mhd", ".raw", ".zraw"),
        *(".csv", ".xlsx", ".npz"),
    }
)
"""Images and readings, volume files, tables and crops; compressed NIfTI is known by two suffixes."""
_NIFTI_GZ = ".nii.gz"
_PREAMBLE = 128
_MAGIC = b"DICM"


def collect_files(source: Path, destination: Path) -> int:
    """Bring every file of `source` that the index can use into `destination`, under the same relative path.

    Files are hard links where the file system allows it (no space is used), else copies. `source` is never
    written. Symbolic links are not followed; they, devices and other files are left out.

    Returns:
        How many files were found; at least 1.

    Raises:
        MissingInputError: `source` is not a folder.
        InputError: one folder lies inside the other, a file cannot be read, or there is nothing to copy.
    """
    if not source.is_dir():
        raise MissingInputError(
            f"acquire.folder is {source}, which is not a folder; name the folder of your files in params.yaml"
        )
    check_apart(source, destination)
    files = sorted(_wanted(source))
    if not files:
        raise InputError(
            f"{source} holds no DICOM, XML, volume or table file (links are not followed); check "
            "acquire.folder in params.yaml"
        )
    for file in track(files, "files", len(files)):
        _link(file, destination / file.relative_to(source))
    return len(files)


def holds_files(source: Path) -> bool:
    """Whether there is anything to bring.

    Raises:
        InputError: a file cannot be read.
    """
    return next(_wanted(source), None) is not None


def check_apart(source: Path, destination: Path) -> None:
    """Refuse a destination inside the source, or the reverse.

    Raises:
        InputError: one lies inside the other, or they are the same.
    """
    inner, outer = destination.resolve(), source.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise InputError(
            f"acquire.folder {source} and the output {destination} lie inside one another, so the output "
            "would be read as input or replace it; choose another place for one of them"
        )


def _wanted(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, followlinks=False):
        for name in names:
            path = Path(parent) / name
            if not path.is_symlink() and path.is_file() and _is_wanted(path):
                yield path


def _is_wanted(path: Path) -> bool:
    """By suffix (so that a broken DICOM file is seen, and put into quarantine later), else by magic bytes."""
    if path.suffix.lower() in _SUFFIXES or path.name.lower().endswith(_NIFTI_GZ):
        return True
    try:
        with path.open("rb") as stream:
            stream.seek(_PREAMBLE)
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise _unreadable(path, error) from error


def _link(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target, follow_symlinks=False)
    except OSError:
        _copy(file, target)


def _copy(file: Path, target: Path) -> None:
    try:
        shutil.copyfile(file, target, follow_symlinks=False)
    except PermissionError as error:
        raise _unreadable(file, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"a file under acquire.folder cannot be read ({error.strerror}; its suffix is {path.suffix!r}); "
        "give yourself read permission and run the same command again"
    )
