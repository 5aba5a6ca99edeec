"""Look for patients in anything: known words in every byte and name, and places that usually tell."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lungml.ct.identities import identities_of
from lungml.ct.scan import Kind, kind_of
from lungml.errors import InputError
from lungml.parallel import worker_pool
from lungml.phi.hints import notes, telling_places
from lungml.phi.layers import UNREADABLE, layers
from lungml.phi.needles import SHORTEST, Needles
from lungml.quarantine import PathMask, RefusedError

_FILES_AT_ONCE = 16
_MOST_PER_FILE = 1000


@dataclass(frozen=True, order=True)
class Place:
    """Where something was found; `path` is masked and `what` is the word's hash or a name, never a value.

    `sure` is False for forms that may be harmless.
    """

    path: str
    where: str
    what: str
    sure: bool


def scan_for_patients(root: Path, words: Iterable[str]) -> list[Place]:
    """Look through every file under `root` (or the file `root`); links are not followed.

    Args:
        root: it is only read.
        words: what is known of patients; those shorter than four characters are not looked for.
    """
    needles = Needles(words)
    mask = PathMask(needles.words)
    with worker_pool() as pool:
        work = partial(_scan_file, root, needles, mask)
        found = [place for part in pool.map(work, _paths(root), "files", _FILES_AT_ONCE) for place in part]
    return sorted(found)


def known_words(source: Path) -> set[str]:
    """Words that tell who patients are: of the DICOM files of a folder, or the lines of a text file.

    Raises:
        InputError: there are none.
    """
    words = _words_of_folder(source) if source.is_dir() else _lines(source)
    if not any(len(word) >= SHORTEST for word in words):
        raise InputError(
            f"{source} holds no words of {SHORTEST} characters or more to look for; name a folder of the "
            "original DICOM files, or a text file with one word a line: --known"
        )
    return words


def short_hash(word: str) -> str:
    """What stands for a word in a report."""
    return hashlib.sha256(word.casefold().encode()).hexdigest()[:12]


def _lines(source: Path) -> set[str]:
    try:
        text = source.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}); name another file: --known") from error
    return {line.strip() for line in text.splitlines() if line.strip()}


def _words_of_folder(folder: Path) -> set[str]:
    with worker_pool() as pool:
        results = pool.map(partial(_words_of_file, folder), _paths(folder), "headers", _FILES_AT_ONCE)
        return {word for part in results for word in part}


def _words_of_file(folder: Path, path: str) -> set[str]:
    try:
        return identities_of(folder / path) if kind_of(folder / path)[0] is Kind.DICOM else set()
    except (RefusedError, OSError):
        return set()


def _paths(root: Path) -> list[str]:
    if root.is_file():
        return [""]
    found = []
    for parent, _, names in os.walk(root, followlinks=False):
        found += [os.path.relpath(Path(parent) / name, root) for name in names]
    return sorted(found)


def _scan_file(root: Path, needles: Needles, mask: PathMask, path: str) -> list[Place]:
    file = root / path if path else root
    shown = mask(os.fsencode(path or root.name).decode("utf-8", errors="backslashreplace"))
    places = [
        Place(shown, "the name", _hash_of(needles, hit.word), sure=True)
        for hit in needles.find([os.fsencode(path or root.name)])
    ]
    if file.is_symlink() or not file.is_file():
        return places
    try:
        places += (Place(shown, *found) for found in _in_bytes(file, needles))
        places += (Place(shown, where, "not empty", sure=True) for where in telling_places(file))
        places += (Place(shown, "text", what, sure=False) for what in notes(file))
    except OSError as error:
        places.append(Place(shown, "the file", f"cannot be read ({error.strerror})", sure=False))
    return places


def _in_bytes(file: Path, needles: Needles) -> list[tuple[str, str, bool]]:
    """Where known words are: the first place of each in each layer."""
    with file.open("rb") as stream:
        found: dict[tuple[str, int], tuple[str, str, bool]] = {}
        try:
            for layer, hit in _hits(stream, needles):
                where = f"byte {hit[1]}{f' of {layer}' if layer else ''}"
                found.setdefault((layer, hit[0]), (where, _hash_of(needles, hit[0]), True))
                if len(found) >= _MOST_PER_FILE:
                    break
        except UNREADABLE as error:
            found["", -1] = ("a packed part", f"cannot be unpacked ({type(error).__name__})", False)
        return list(found.values())


def _hits(stream: BinaryIO, needles: Needles) -> Iterator[tuple[str, tuple[int, int]]]:
    if not needles.words:
        return
    for layer, chunks in layers(stream):
        for hit in needles.find(chunks):
            yield layer, (hit.word, hit.at)


def _hash_of(needles: Needles, word: int) -> str:
    return f"known word {short_hash(needles.words[word])}"
