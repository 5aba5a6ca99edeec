"""Random streams and identifiers that follow from the cohort's seed alone.

Each stream is named by words ("patient", 17, "vessels"), so drawing one thing never shifts another, a
cohort of 12 patients is the start of a cohort of 160, and the number of processes changes nothing.
"""

from __future__ import annotations

import hashlib
import uuid

import numpy as np

Word = str | int


def generator(seed: int, *words: Word) -> np.random.Generator:
    """The random stream called `words` of the cohort with this seed."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(seed, words)[:16], "big")))


def dicom_uid(seed: int, *words: Word) -> str:
    """A valid DICOM UID for the object called `words`: root 2.25 and a UUID, DICOM PS3.5 annex B.2."""
    return f"2.25.{uuid.UUID(bytes=_digest(seed, words)[:16], version=5).int}"


def short_name(seed: int, *words: Word) -> str:
    """Sixteen hexadecimal digits for the object called `words`, in no order a reader could use."""
    return _digest(seed, words)[16:24].hex()


def _digest(seed: int, words: tuple[Word, ...]) -> bytes:
    return hashlib.sha256("/".join(("lungml-phantom", str(seed), *map(str, words))).encode()).digest()
