"""Which bytes the pretrained weights of a backbone are.

A few rows of the table of backbones hold the SHA-256 of their file. The others' are kept in
`weights.lock.json` in the project's root, by `lungml weights fetch`: what was fetched first is what is
loaded ever after. The lock belongs under version control.
"""

from __future__ import annotations

import json
from pathlib import Path

from lungml.errors import InputError, ModelError
from lungml.files import sha256_file, write_json
from lungml.models.table import Backbone

LOCK = Path("weights.lock.json")


def known_sha256(backbone: Backbone, lock: Path = LOCK) -> str:
    """SHA-256 of the weights file by the table or the lock; "" if neither has it.

    Raises:
        InputError: the lock is not one.
    """
    return backbone.sha256 or _read(lock).get(backbone.timm_name, "")


def verified_sha256(backbone: Backbone, path: Path, lock: Path = LOCK) -> str:
    """SHA-256 of a weights file, which is the known one where there is one.

    Raises:
        ModelError: the file is not the one that is known.
        InputError: the lock is not one.
    """
    known, found = known_sha256(backbone, lock), sha256_file(path)
    if known and found != known:
        source = "the table of backbones" if backbone.sha256 else str(lock)
        raise ModelError(
            f"{path} is not the weights {backbone.timm_name}: SHA-256 {found[:12]}..., expected "
            f"{known[:12]}... by {source}. Delete the file and get it again (`lungml weights fetch`)"
        )
    return found


def keep_sha256(backbone: Backbone, sha256: str, lock: Path = LOCK) -> bool:
    """Write the SHA-256 of weights into the lock, unless it is known; gives whether it was new."""
    if known_sha256(backbone, lock):
        return False
    write_json(lock, _read(lock) | {backbone.timm_name: sha256})
    return True


def _read(lock: Path) -> dict[str, str]:
    if not lock.is_file():
        return {}
    try:
        kept = json.loads(lock.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _broken(lock, str(error)) from error
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise _broken(lock, "expected names of weights with their SHA-256")
    return kept


def _broken(lock: Path, why: str) -> InputError:
    return InputError(f"{lock} cannot be read ({why}); restore it from version control, or delete it")
