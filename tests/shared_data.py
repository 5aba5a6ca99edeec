"""Real files for tests that skip where they are absent: the folder ../shared/data beside the project."""

import tarfile
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="real files are not at ../shared/data"
)


_AS_DATA = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python 3.11.0 to 3.11.3 have no filter."""


@cache
def unpacked(archive):
    """Folder with the files of `archive` (a name in the shared folder), unpacked once in a test run."""
    folder = Path(mkdtemp(prefix="lungml-shared-"))
    with tarfile.open(SHARED_DATA / archive) as files:
        files.extractall(folder, **_AS_DATA)  # noqa: S202 - of our own choice
    return folder
