"""The examples of a part in memory, and the batches an epoch makes of them.

Rows are chosen by the split before any pixel is read, so test pixels never reach training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.augment.balance import IntArray, Showings, class_weights, draw_showings
from lungml.augment.geometric import draw_geometry, warp
from lungml.augment.mixing import mix
from lungml.errors import InputError
from lungml.imaging.intensity import Normalisation, normalise
from lungml.labels import reader_shares
from lungml.params.model import RecipeParams
from lungml.terms import Part, Target

if TYPE_CHECKING:
    import pandas as pd

    from lungml.imaging.store import ViewStore


@dataclass(frozen=True)
class Examples:
    """Labelled nodules of one part: `nodule_ids` (N,), `images_hu` int16 (N, C, H, W), `labels` (N,).

    `reader_shares` (N, K) says which share of the readers gave each class; a row is NaN where none did.
    """

    nodule_ids: tuple[str, ...]
    images_hu: NDArray[np.int16]
    labels: IntArray
    classes: int
    reader_shares: NDArray[np.float64] | None = None

    def targets(self, rows: IntArray, reader_share: float) -> NDArray[np.float32]:
        """What a model is to answer for `rows` (M,): (M, K), rows sum to 1.

        Args:
            rows: of these examples.
            reader_share: how much of the target is the readers' distribution; the rest is the label.
        """
        hard = np.eye(self.classes, dtype=np.float32)[self.labels[rows]]
        if reader_share == 0 or self.reader_shares is None:
            return hard
        shares = self.reader_shares[rows].astype(np.float32)
        shares = np.where(np.isnan(shares), hard, shares)
        return (1 - np.float32(reader_share)) * hard + np.float32(reader_share) * shares


@dataclass(frozen=True)
class TrainingData:
    """What a training sees; `normalisation` is fitted on `train`."""

    train: Examples
    val: Examples
    normalisation: Normalisation

    def class_weights(self, recipe: RecipeParams) -> Tensor | None:
        """Weights (K,) of the loss, for the strategy that wants them."""
        if recipe.imbalance != "class-weights":
            return None
        return torch.as_tensor(class_weights(self.train.labels, self.train.classes), dtype=torch.float32)


@dataclass(frozen=True)
class Batch:
    """What one step sees: `images` (B, C, H, W) normalised, `targets` (B, K) that sum to 1."""

    images: Tensor
    targets: Tensor
    nodule_ids: tuple[str, ...]


def select_examples(store: ViewStore, split: pd.DataFrame, target: Target, part: Part) -> Examples:
    """Read the labelled nodules of `part`, sorted by nodule_id.

    Args:
        store: images by nodule.
        split: table SPLIT.
        target: which of its labels.
        part: which of its rows.

    Raises:
        InputError: a nodule of the split has no image, or the part holds fewer than two classes.
    """
    return examples_of(store, split[split["part"] == part.value], target, f"the {part.value} part")


def examples_of(store: ViewStore, rows: pd.DataFrame, target: Target, what: str) -> Examples:
    """Read the labelled nodules among `rows` of table SPLIT, sorted by nodule_id; `what` names them.

    Raises:
        InputError: a nodule has no image, or they are of fewer than two classes.
    """
    chosen = rows[rows[target.value] >= 0].sort_values("nodule_id")
    labels = chosen[target.value].to_numpy(dtype=np.int64)
    present = len(np.unique(labels))
    if present < 2:
        raise InputError(
            f"{what} holds {len(labels)} nodules of {present} class(es); at least two classes "
            "are needed. Take more patients, or another split.seed"
        )
    nodule_ids = list(chosen["nodule_id"])
    images_hu = np.ascontiguousarray(store.images_hu[store.rows_of(nodule_ids)])
    shares = reader_shares(chosen["scores"].tolist(), target)
    return Examples(tuple(nodule_ids), images_hu, labels, len(target.class_names), shares)


def count_steps(train: Examples, recipe: RecipeParams, batch_size: int) -> int:
    """How many steps an epoch has; the same in every epoch."""
    examples = len(_showings(train, recipe, seed=0, epoch=0).rows)
    return -(-examples // batch_size)


def epoch_batches(
    data: TrainingData, recipe: RecipeParams, batch_size: int, *, seed: int, epoch: int, first_step: int = 0
) -> Iterator[Batch]:
    """Yield the batches of an epoch from `first_step` on; sizes differ by one at most.

    Each batch depends on the arguments alone, so a resumed epoch goes on with the batches it would have had.
    """
    shown = _showings(data.train, recipe, seed=seed, epoch=epoch)
    steps = count_steps(data.train, recipe, batch_size)
    parts = np.array_split(np.arange(len(shown.rows)), steps)
    for step in range(first_step, steps):
        rows, copies = shown.rows[parts[step]], shown.copies[parts[step]]
        geometry = draw_geometry(recipe.augment, rows, copies, seed=seed, epoch=epoch)
        images_hu = warp(torch.from_numpy(data.train.images_hu[rows]), geometry)
        images, targets = mix(
            normalise(images_hu, data.normalisation),
            torch.from_numpy(data.train.targets(rows, recipe.reader_share)),
            recipe.augment,
            key=(seed, epoch, step),
        )
        yield Batch(images, targets, tuple(data.train.nodule_ids[row] for row in rows))


def _showings(train: Examples, recipe: RecipeParams, *, seed: int, epoch: int) -> Showings:
    return draw_showings(
        train.labels, recipe.imbalance, upsample_share=recipe.upsample_share, seed=seed, epoch=epoch
    )
