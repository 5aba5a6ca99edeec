"""Files that cannot be opened or read, as a fault of the input and not of the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lungml.quarantine import RefusedError, finding


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn what the file system raises into a refusal (LM-D050) of `path`, relative to the raw folder."""
    try:
        yield
    except OSError as error:
        found = (error.strerror or "an error of the file system").lower()
        raise RefusedError(finding("LM-D050", path, found, "a readable file")) from error
