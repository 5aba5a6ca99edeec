"""A ledger of which views were read, so that a stage can show that it never saw a part it must not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.errors import ModelError
from lungml.files import sha256_json
from lungml.imaging.store import ViewStore
from lungml.terms import Part


@dataclass(frozen=True)
class Ledger:
    """`read` (N,) says of each of `nodule_ids` (N,) whether a pixel or mask of it was read."""

    nodule_ids: tuple[str, ...]
    read: NDArray[np.bool_]

    def account(self, split: pd.DataFrame, *, sealed: Sequence[Part] = (Part.TEST,)) -> dict[str, Any]:
        """How many nodules of each part were read, and a checksum of which.

        Args:
            split: table SPLIT.
            sealed: parts that must not have been read.

        Raises:
            ModelError: a nodule of a sealed part was read.
        """
        read = sorted(nodule for nodule, seen in zip(self.nodule_ids, self.read, strict=True) if seen)
        parts = split.set_index("nodule_id")["part"].reindex(read)
        counts = {part.value: int((parts == part.value).sum()) for part in Part}
        for part in sealed:
            if counts[part]:
                raise ModelError(
                    f"{counts[part]} nodule(s) of the {part} part were read before the evaluation, the "
                    f"first is {parts.index[parts == part][0]}; nothing is written, since a model made with "
                    "them cannot be judged on them. This is a bug in lungml; please report it"
                )
        return {"read": counts, "nodules_sha256": sha256_json(read)}


def watch(store: ViewStore) -> tuple[ViewStore, Ledger]:
    """The same store, and the ledger in which every row that is read from it is entered."""
    ledger = Ledger(tuple(store.items["nodule_id"]), np.zeros(len(store.items), dtype=np.bool_))
    images_hu = cast("NDArray[np.int16]", _Watched(store.images_hu, ledger.read))
    masks = cast("NDArray[np.bool_]", _Watched(store.masks, ledger.read))
    return replace(store, images_hu=images_hu, masks=masks), ledger


class _Watched:
    """An array (N, ...) that notes in `read` (N,) which of its rows are taken."""

    def __init__(self, array: NDArray[Any], read: NDArray[np.bool_]) -> None:
        self._array = array
        self._read = read
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        self._read[key[0] if isinstance(key, tuple) else key] = True
        taken: NDArray[Any] = self._array[key]
        return taken

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        self._read[:] = True
        return np.array(self._array, dtype=dtype, copy=copy)
