"""Ready-made nodule views: image files, or rows of an array in a NumPy archive."""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.ct.hounsfield import UNDECLARED_PADDING_HU
from lungml.ct.image_files import read_image_file
from lungml.ct.paths import join_frame, split_frame
from lungml.ct.volume import Hu
from lungml.quarantine import RefusedError, finding
from lungml.terms import AIR_HU

MAX_ARCHIVE_BYTES = 1 << 32
"""Of an archive, unpacked."""


def crop_address(path: str, row: int | None = None) -> str:
    """What table NODULES holds as crop_path: a file, or `file.npz#row`."""
    return join_frame(path, row)


def read_crop(raw: Path, address: str) -> Hu:
    """HU (y, x) of a ready-made nodule view.

    Raises:
        RefusedError: the file cannot be used (LM-D060 and on).
    """
    path, row = split_frame(address)
    if row is None:
        return read_image_file(raw, path).hu
    crops, _ = read_archive(raw, path)
    crop: Hu = crops[row]
    return crop


@lru_cache(maxsize=2)
def read_archive(raw: Path, path: str) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """Crops (n, h, w) in HU of an archive, -1000 where they are padding, and the ids of their nodules.

    Raises:
        RefusedError: it has no `hu` of int16 (n, h, w) and `nodule_id` (n,), each id once (LM-D060).
    """
    try:
        with zipfile.ZipFile(raw / path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > MAX_ARCHIVE_BYTES:
            raise RefusedError(finding("LM-D030", path, f"{unpacked / 2**30:.1f} GiB", "at most 4 GiB"))
        with np.load(raw / path, allow_pickle=False) as arrays:
            hu, ids = arrays["hu"], arrays["nodule_id"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RefusedError(finding("LM-D060", path, "no archive of hu and nodule_id", "both")) from error
    names = tuple(str(each) for each in ids.ravel())
    if hu.dtype != np.int16 or hu.ndim != 3 or len(names) != len(hu) or len(set(names)) != len(names):
        found = f"hu of {hu.dtype} {hu.shape}, {len(set(names))} different ids"
        raise RefusedError(finding("LM-D060", path, found, "int16 (n, h, w) and n ids"))
    return np.where(hu < UNDECLARED_PADDING_HU, np.int16(AIR_HU), hu), names
