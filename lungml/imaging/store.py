"""Views of all nodules in memory-mapped arrays with checksums: a folder that is whole or not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.errors import InputError, MissingInputError
from lungml.files import atomic_folder, read_json, sha256_file, write_json
from lungml.tables import Table, read_table, write_table

ITEMS = Table(
    "items",
    ("nodule_id",),
    {
        "nodule_id": ("string", "as in nodules; the order of the images"),
        "patient_id": ("string", "as in nodules"),
        "series_uid": ("string", "SeriesInstanceUID"),
        "z_index": ("int32", "plane of the canonical volume the view was cut from"),
        "pixel_spacing_mm": (
            "float64",
            "between view pixels; pad-and-resize: geometric mean of the two directions",
        ),
    },
)

_IMAGES, _MASKS, _ITEMS, _INFO = "images.npy", "masks.npy", "items.parquet", "store.json"


@dataclass(frozen=True)
class ViewStore:
    """Views of nodules, one row each, sorted by nodule_id.

    `images_hu` is int16 (N, C, H, W), `masks` bool (N, H, W): the nodule by the readers' consensus, in view
    pixels. Both are read-only memory maps. `items` is the table ITEMS; `info` holds the rest of `store.json`.
    """

    images_hu: NDArray[np.int16]
    masks: NDArray[np.bool_]
    items: pd.DataFrame
    info: dict[str, Any]

    def rows_of(self, nodule_ids: list[str]) -> NDArray[np.int64]:
        """(n,): which rows show these nodules, in their order.

        Raises:
            InputError: a nodule has no view.
        """
        index: NDArray[np.int64] = self.items.set_index("nodule_id").index.get_indexer(pd.Index(nodule_ids))
        if (index < 0).any():
            missing = [nodule for nodule, row in zip(nodule_ids, index, strict=True) if row < 0]
            raise InputError(
                f"{len(missing)} nodule(s) have no view, the first is {missing[0]}; "
                "the split and the views are of different data, run `dvc repro`"
            )
        return index


def write_store(
    folder: Path,
    *,
    images_hu: NDArray[np.int16],
    masks: NDArray[np.bool_],
    items: pd.DataFrame,
    info: dict[str, Any],
) -> None:
    """Write a store as a whole or not at all; equal content gives equal bytes.

    Args:
        folder: replaced if it is there.
        images_hu: (N, C, H, W).
        masks: (N, H, W).
        items: table ITEMS, sorted by nodule_id as the images are.
        info: view, params and data_sha256; shape, dtype and checksums are added.

    Raises:
        ValueError: arrays and table do not fit each other, or the table is not sorted.
    """
    _check_fit(images_hu, masks, items)
    with atomic_folder(folder) as temporary:
        np.save(temporary / _IMAGES, np.ascontiguousarray(images_hu, np.int16))
        np.save(temporary / _MASKS, np.ascontiguousarray(masks, np.bool_))
        write_table(temporary / _ITEMS, items, ITEMS)
        sums = {name: sha256_file(temporary / name) for name in (_IMAGES, _MASKS, _ITEMS)}
        added = {"shape": list(images_hu.shape), "dtype": "int16", "sha256": sums}
        write_json(temporary / _INFO, info | added)


def read_store(folder: Path) -> ViewStore:
    """Open a store and check every file against its checksum.

    Raises:
        MissingInputError: the folder or a file of it is not there.
        InputError: a file is not the one that was written.
    """
    info = read_json(folder / _INFO)
    for name, expected in info["sha256"].items():
        _check_sum(folder / name, expected)
    return ViewStore(
        images_hu=np.load(folder / _IMAGES, mmap_mode="r"),
        masks=np.load(folder / _MASKS, mmap_mode="r"),
        items=read_table(folder / _ITEMS, ITEMS),
        info=info,
    )


def _check_fit(images_hu: NDArray[np.int16], masks: NDArray[np.bool_], items: pd.DataFrame) -> None:
    count, _, height, width = images_hu.shape
    if masks.shape != (count, height, width) or len(items) != count:
        raise ValueError(f"images {images_hu.shape}, masks {masks.shape} and {len(items)} items do not fit")
    if list(items["nodule_id"]) != sorted(items["nodule_id"]):
        raise ValueError("items are not sorted by nodule_id")


def _check_sum(path: Path, expected: str) -> None:
    if not path.is_file():
        raise MissingInputError(f"{path} is not there, so the view store is not whole; run `dvc repro`")
    found = sha256_file(path)
    if found != expected:
        raise InputError(
            f"{path} has changed since it was written: SHA-256 {found[:12]}..., expected {expected[:12]}... "
            f"Delete {path.parent} and run `dvc repro`"
        )
