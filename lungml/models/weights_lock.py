"""Which bytes the pretrained weights of a backbone are.

A few rows of the table of backbones hold the SHA-256 of their file. The others' are kept in
`weights.lock.json` in the project's root, by `lungml weights fetch`: what was fetched first is what is
loaded ever after. The lock belongs under version control. Weights that were made here are not in it: their
card holds theirs.
"""

from __future__ import annotations

import json
from pathlib import Path

from lungml.errors import InputError, ModelError
from lungml.files import sha256_file, write_json
from lungml.models.table import Backbone
from lungml.models.weights_card import read_card

LOCK = Path("weights.lock.json")


def known_sha256(backbone: Backbone, lock: Path = LOCK) -> str:
    """SHA-256 of the weights file by the table or the lock; "" if neither has it.

    Raises:
        InputError: the lock is not one.
    """
    return backbone.sha256 or _read(lock).get(backbone.timm_name, "")


def verified_sha256(backbone: Backbone, path: Path, lock: Path = LOCK) -> str:
    """SHA-256 of a weights file, which is the known one where there is one.

    Weights that were made here are known by their card, whatever the table and the lock say.

    Raises:
        ModelError: the file is not the one that is known.
        InputError: the lock is not one.
    """
    card, found = read_card(path), sha256_file(path)
    if card is not None:
        known, source, again = card.weights_sha256, "its card", "make it again (`dvc repro -f pretrain`)"
    else:
        known, again = known_sha256(backbone, lock), "get it again (`lungml weights fetch`)"
        source = "the table of backbones" if backbone.sha256 else str(lock)
    if known and found != known:
        raise ModelError(
            f"{path} is not the weights {backbone.timm_name}: SHA-256 {found[:12]}..., expected "
            f"{known[:12]}... by {source}. Delete the file and {again}"
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
