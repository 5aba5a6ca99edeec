"""Up-sampling written out: the train part with the augmented children that lift its classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from lungml.augment.balance import draw_showings
from lungml.augment.geometric import Geometry, draw_geometry, warp
from lungml.params.model import RecipeParams
from lungml.training.data import Examples, lift_of

_AT_ONCE = 64
_LEVELS = np.iinfo(np.int16)


@dataclass(frozen=True)
class Children:
    """Images of train, each followed by those made of it.

    `plan` has a row an image: `image_id`, `parent_id`, `label`, `copy` (0 is the parent itself), and for a
    child what was done to it: `angle_degrees`, `zoom`, `shift_x`, `shift_y`, `flip_x`, `flip_y`, as in
    `Geometry`. `images_hu` is int16 (M, C, H, W).
    """

    plan: pd.DataFrame
    images_hu: NDArray[np.int16]


def make_children(train: Examples, recipe: RecipeParams, *, seed: int) -> Children:
    """Lift the classes of `train` as the recipe's `upsample` does, whatever its `imbalance`.

    MixUp and CutMix act between the images of a batch, so they are left to the training.

    Raises:
        ParamsError: the recipe counts other classes than the task has.
    """
    lift = lift_of(recipe, train.classes)
    shown = draw_showings(train.labels, "upsample", lift=lift, seed=seed, epoch=0)
    order = np.lexsort((shown.copies, shown.rows))
    rows, copies = shown.rows[order], shown.copies[order]
    made = np.flatnonzero(copies)
    geometry = draw_geometry(recipe.augment, rows[made], copies[made], seed=seed, epoch=0)
    parents = train.ids_of(rows)
    plan = pd.DataFrame(
        {
            "image_id": [_name(parent, copy) for parent, copy in zip(parents, copies, strict=True)],
            "parent_id": parents,
            "label": train.labels[rows],
            "copy": copies,
        }
    ).join(pd.DataFrame(vars(geometry), index=made))
    images_hu = train.images_hu[rows]
    images_hu[made] = _warped(train.images_hu[rows[made]], geometry)
    return Children(plan, images_hu)


def _name(parent: str, copy: int) -> str:
    return f"{parent}+{copy}" if copy else parent


def _warped(images_hu: NDArray[np.int16], geometry: Geometry) -> NDArray[np.int16]:
    warped = np.empty_like(images_hu)
    for start in range(0, len(images_hu), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        moved = warp(torch.from_numpy(images_hu[part]), geometry.part(part)).numpy()
        warped[part] = np.clip(np.rint(moved), _LEVELS.min, _LEVELS.max)
    return warped
