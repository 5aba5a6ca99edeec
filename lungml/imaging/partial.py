"""Views of finished series while a store is being made, so that a stopped run goes on where it was."""

from __future__ import annotations

import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from lungml.imaging.views import Cut


class PartialStore:
    """One file a series in a folder, by a key that says what its views were made from.

    A file is whole or not there; one that is damaged all the same counts as not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> list[tuple[str, Cut]] | None:
        """Nodule ids and views of a series; None if it was not finished."""
        try:
            with np.load(BytesIO(self._path(key).read_bytes()), allow_pickle=False) as file:
                arrays = [file[name] for name in _ARRAYS]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return [
            (str(nodule), Cut(image_hu, mask, float(spacing)))
            for nodule, image_hu, mask, spacing in zip(*arrays, strict=True)
        ]

    def keep(self, key: str, cuts: list[tuple[str, Cut]]) -> None:
        """Keep the views of a finished series."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path(key).with_suffix(".tmp.npz")
        np.savez(
            temporary,
            nodule_ids=np.array([nodule for nodule, _ in cuts]),
            images_hu=np.stack([cut.image_hu for _, cut in cuts]),
            masks=np.stack([cut.mask for _, cut in cuts]),
            pixel_spacings_mm=np.array([cut.pixel_spacing_mm for _, cut in cuts]),
        )
        temporary.replace(self._path(key))

    def remove(self) -> None:
        """Forget everything: the store is whole."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key[:32]}.npz"


_ARRAYS = ("nodule_ids", "images_hu", "masks", "pixel_spacings_mm")
