"""NumPy archives of nodule views without the patient: numbers pass, ids are replaced, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.archives.unpack import check_zip
from lungml.array_files import ArraysError, read_arrays
from lungml.files import atomic_file
from lungml.phi.keys import Pseudonyms
from lungml.quarantine import RefusedError, finding

_NUMBERS = ("hu", *(f"{part}_{kind}" for part in ("train", "val", "test") for kind in ("images", "labels")))
_IDS = "nodule_id"


def deidentify_arrays(raw: Path, path: str, target: Path, names: Pseudonyms) -> None:
    """Write the arrays of `raw / path` that have a known name to `target`.

    Raises:
        RefusedError: it cannot be read, or no array is known (LM-P003).
    """
    try:
        check_zip(raw / path)
        arrays = read_arrays(raw / path, (*_NUMBERS, _IDS))
    except (RefusedError, ArraysError, OSError) as error:
        raise RefusedError(finding("LM-P003", path, "no readable archive of arrays")) from error
    cleaned = {name: _clean(name, array, names) for name, array in arrays.items()}
    kept = {name: array for name, array in cleaned.items() if array is not None}
    if not kept:
        raise RefusedError(finding("LM-P003", path, "no array of a known name"))
    with atomic_file(target) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **kept)  # type: ignore[arg-type]


def _clean(name: str, array: NDArray[np.generic], names: Pseudonyms) -> NDArray[np.generic] | None:
    if name == _IDS:
        replaced = [names.name(str(each)) for each in array.ravel()]
        return np.array(replaced).reshape(array.shape)
    return array if np.issubdtype(array.dtype, np.number) else None
