"""Ready-made nodule views: image files, or rows of an array in a NumPy archive."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.array_files import MAX_BYTES, ArraysError, MemberError, TooLargeError, read_arrays
from lungml.ct.hounsfield import UNDECLARED_PADDING_HU
from lungml.ct.image_files import read_image_file
from lungml.ct.paths import join_frame, split_frame
from lungml.ct.volume import Hu
from lungml.quarantine import RefusedError, finding
from lungml.terms import AIR_HU

_HU, _IDS = "hu", "nodule_id"
_KINDS = "hu of int16, and nodule_id as numbers or text, such as ids.astype(str)"


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
        RefusedError: it is too large (LM-D030), or has no `hu` of int16 (n, h, w) and `nodule_id` (n,), each
            id once (LM-D060).
    """
    try:
        arrays = read_arrays(raw / path, (_HU, _IDS))
        hu, ids = arrays[_HU], arrays[_IDS]
    except TooLargeError as error:
        limit = f"at most {MAX_BYTES / 2**30:g} GiB"
        raise RefusedError(finding("LM-D030", path, str(error), limit)) from error
    except MemberError as error:
        raise RefusedError(finding("LM-D060", path, str(error), _KINDS)) from error
    except (ArraysError, KeyError) as error:
        raise RefusedError(finding("LM-D060", path, "no archive of hu and nodule_id", "both")) from error
    names = tuple(str(each) for each in ids.ravel())
    are_crops = hu.dtype == np.int16 and hu.ndim == 3 and 0 not in hu.shape[1:]
    if not are_crops or not len(hu) == len(names) == len(set(names)):
        found = f"hu of {hu.dtype} {hu.shape}, {len(set(names))} different ids"
        raise RefusedError(finding("LM-D060", path, found, "int16 (n, h, w) and n ids"))
    return np.where(hu < UNDECLARED_PADDING_HU, np.int16(AIR_HU), hu), names
