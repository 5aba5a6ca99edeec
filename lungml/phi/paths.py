"""Names of folders and files that tell who a patient is, by what the headers in them say."""

from __future__ import annotations

import os
from pathlib import Path

from lungml.ct.identities import identities_of, looks_anonymous
from lungml.ct.scan import Kind, kind_of
from lungml.phi.keys import is_uid
from lungml.phi.needles import SHORTEST
from lungml.quarantine import RefusedError


def folders_that_tell(root: Path) -> int:
    """How many folders under `root` have a name or id of their first CT image's patient in their path."""
    return sum(_tells(root, Path(parent), sorted(names)) for parent, _, names in os.walk(root) if names)


def _tells(root: Path, folder: Path, names: list[str]) -> bool:
    words = _words(folder, names)
    paths = " ".join([str(folder.relative_to(root)), *names]).casefold()
    return any(word.casefold() in paths for word in words)


def _words(folder: Path, names: list[str]) -> set[str]:
    """Of the first DICOM file that can be read; UIDs, and ids that are pseudonyms, tell nobody."""
    for name in names:
        try:
            if kind_of(folder / name)[0] is Kind.DICOM:
                return {word for word in identities_of(folder / name) if _may_tell(word)}
        except (RefusedError, OSError):
            continue
    return set()


def _may_tell(word: str) -> bool:
    return len(word) >= SHORTEST and not (is_uid(word) or looks_anonymous(word))
