"""Pseudonyms from a secret key: the same input gives the same pseudonym, and only the key leads there."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from lungml.errors import InputError, OutputError

_KEY_BYTES = 32
_NAME_DIGITS = 16
_UID_ROOT = "2.25."
KEPT_SUFFIXES = (
    ".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zraw", ".raw", ".csv", ".xlsx", ".xml", ".dcm",
    ".npz",
)  # fmt: skip
"""What a new file name may end in; every other suffix is dropped, as it could be part of a name."""


@dataclass(frozen=True)
class Pseudonyms:
    """Keyed replacements (HMAC-SHA-256) for names, UIDs and paths; equal words stay equal everywhere."""

    key: bytes = field(repr=False)

    def name(self, text: str) -> str:
        """The pseudonym of a patient id, name or any word; '' stays ''."""
        word = text.strip()
        return f"anon-{self._digest(word).hex()[:_NAME_DIGITS]}" if word else ""

    def uid(self, uid: str) -> str:
        """Another UID under the root 2.25, which is for UIDs made of 128 bits (PS3.5 B.2); '' stays ''."""
        return f"{_UID_ROOT}{int.from_bytes(self._digest(uid)[:16], 'big')}" if uid else ""

    def path(self, path: str) -> str:
        """The path with every part replaced, so that what it refers to can still be found."""
        parts = re.split(r"[/\\]", path.strip())
        return "/".join(part if part in {"", ".", ".."} else self._file(part) for part in parts)

    @property
    def fingerprint(self) -> str:
        """Tells which key was used, without telling the key."""
        return self._digest("lungml key fingerprint").hex()[:8]

    def _file(self, part: str) -> str:
        suffix = next((end for end in KEPT_SUFFIXES if part.lower().endswith(end)), "")
        stem = part[: len(part) - len(suffix)] or part
        return (self.uid(stem) if is_uid(stem) else self.name(stem)) + suffix

    def _digest(self, text: str) -> bytes:
        return hmac.new(self.key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()


def is_uid(text: str) -> bool:
    """Whether this has the form of a UID, as in names of folders and files after their series."""
    return len(text) <= 64 and re.fullmatch(r"[0-2](\.\d+){3,}", text) is not None


def default_key_file() -> Path:
    """In the user's own configuration, so that no folder of data, Git or DVC ever holds it."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "lungml/deidentify.key"


def read_or_make_key(path: Path) -> Pseudonyms:
    """Read the key file, or make one that only its owner can read (mode 0600).

    Raises:
        InputError: others can read it, it is a link, or it is no key.
        OutputError: it cannot be written.
    """
    try:
        return Pseudonyms(_make(path))
    except FileExistsError:
        return Pseudonyms(_read(path))
    except OSError as error:
        raise OutputError(
            f"cannot write the key file {path}: {error.strerror}; name another: --key"
        ) from error


def _make(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    key = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(key.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return key


def _read(path: Path) -> bytes:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"the key file {path} is not a regular file; name the file itself: --key")
    if mode & 0o077:
        raise InputError(
            f"the key file {path} can be read by others (mode {mode:04o}, expected 0600); "
            f"run `chmod 600 {path}`, and think about who may have it"
        )
    text = path.read_bytes().strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise InputError(
            f"the key file {path} holds no key of {2 * _KEY_BYTES} hexadecimal digits; bring the right file "
            "back, or name a new one, which gives every patient a new pseudonym"
        )
    return bytes.fromhex(text.decode())
