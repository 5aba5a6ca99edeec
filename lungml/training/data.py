"""The examples of a part in memory, and the batches that an epoch makes of them.

Rows are chosen by the split before any pixel is read, so test pixels never reach training.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.augment.balance import IntArray, Lift, Showings, class_weights, draw_showings
from lungml.augment.geometric import draw_geometry, warp
from lungml.augment.mixing import mix
from lungml.errors import InputError, ParamsError
from lungml.imaging.intensity import Normalisation, normalise
from lungml.imaging.sending import rows_on, sent_to
from lungml.labels import reader_shares
from lungml.models.precision import EXACT, Engine
from lungml.params.model import AugmentParams, RecipeParams
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

    def ids_of(self, rows: IntArray) -> tuple[str, ...]:
        """Their nodule_ids, in this order."""
        return tuple(self.nodule_ids[row] for row in rows)

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
class Share:
    """Which examples of a batch one of several processes takes: number `first`, and each `of`-th after it."""

    first: int = 0
    of: int = 1

    def place(self, end: int) -> int:
        """How many of the batch's first `end` examples are its own."""
        return max(0, -(-(end - self.first) // self.of))

    def part(self, shown: Showings) -> Showings:
        """Its own showings."""
        return Showings(shown.rows[self.first :: self.of], shown.copies[self.first :: self.of])


ALL_OF_IT = Share()


@dataclass(frozen=True)
class Batch:
    """What one step sees: `inputs` of the network, (M, ...) each, and `targets` (M, K) that sum to 1.

    The inputs are normalised images (M, C, H, W), or what the frozen layers made of them. They are this
    process's `share` of the batch, whose B `nodule_ids` are all there.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor
    nodule_ids: tuple[str, ...]
    share: Share = ALL_OF_IT

    def __len__(self) -> int:
        """Examples of the batch, B, over all processes."""
        return len(self.nodule_ids)

    def part(self, share: Share) -> Batch:
        """A process's own examples, of a batch that is whole."""
        chosen = slice(share.first, None, share.of)
        inputs = tuple(each[chosen] for each in self.inputs)
        return Batch(inputs, self.targets[chosen], self.nodule_ids, share)

    def micro_batches(self, count: int) -> Iterator[Batch]:
        """The batch in `pieces_of` its size and `count`, whose sizes differ by one at most.

        Pieces are of the whole batch: of each, a process has its own examples.
        """
        ends = np.linspace(0, len(self), pieces_of(len(self), count) + 1).astype(int).tolist()
        for start, end in itertools.pairwise(ends):
            own = slice(self.share.place(start), self.share.place(end))
            inputs = tuple(each[own] for each in self.inputs)
            yield Batch(inputs, self.targets[own], self.nodule_ids[start:end], self.share)


def pieces_of(size: int, count: int) -> int:
    """How many pieces `size` examples come apart into: `count`, or as many as leave two in each.

    Batch norm of one example is not defined.
    """
    return min(count, max(1, size // 2))


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


def draw_steps(
    train: Examples, recipe: RecipeParams, batch_size: int, *, seed: int, epoch: int
) -> list[Showings]:
    """Which examples each step of an epoch shows; sizes differ by one at most, and no step has one alone.

    Every epoch has the same number of steps.

    Raises:
        ParamsError: see `lift_of`.
    """
    lift = lift_of(recipe, train.classes)
    shown = draw_showings(train.labels, recipe.imbalance, lift=lift, seed=seed, epoch=epoch)
    count = len(shown.rows)
    parts = np.array_split(np.arange(count), pieces_of(count, -(-count // batch_size)))
    return [Showings(shown.rows[part], shown.copies[part]) for part in parts]


def lift_of(recipe: RecipeParams, classes: int) -> Lift:
    """What up-sampling lifts the classes of a task to.

    Raises:
        ParamsError: the recipe counts other classes than the task has.
    """
    counts = recipe.upsample_counts
    if counts is not None and len(counts) != classes:
        raise ParamsError(
            f"recipe.upsample_counts has {len(counts)} number(s), and the task {classes} classes; "
            "give one for each, or null"
        )
    return recipe.upsample_share if counts is None else counts


def load_images(
    data: TrainingData, augment: AugmentParams, shown: Showings, *, key: tuple[int, int], engine: Engine
) -> Tensor:
    """Training images in their augmented form, normalised (M, C, H, W), made on the engine's device.

    Each image depends on its own row and copy and on `key`, (seed, epoch), alone.
    """
    seed, epoch = key
    geometry = draw_geometry(augment, shown.rows, shown.copies, seed=seed, epoch=epoch)
    images_hu = warp(rows_on(engine.device, data.train.images_hu, shown.rows), geometry)
    images: Tensor = normalise(images_hu, data.normalisation)
    return images.to(memory_format=engine.layout)


def load_targets(data: TrainingData, recipe: RecipeParams, shown: Showings, engine: Engine) -> Tensor:
    """What a model is to answer (M, K), on the engine's device."""
    return sent_to(engine.device, torch.from_numpy(data.train.targets(shown.rows, recipe.reader_share)))


def load_batch(
    data: TrainingData,
    recipe: RecipeParams,
    shown: Showings,
    *,
    key: tuple[int, int, int],
    engine: Engine = EXACT,
    share: Share = ALL_OF_IT,
) -> Batch:
    """The batch of a step from whole images, augmented and mixed as the recipe says.

    Where images are mixed, every process makes all of them, for a partner may be another's.

    Args:
        data: of the training.
        recipe: augmentation, mixing and targets.
        shown: the step's examples, from `draw_steps`.
        key: (seed, epoch, step). With the examples it decides everything, so a resumed epoch goes on with
            the batches it would have had.
        engine: on whose device the batch is made.
        share: this process's, of several.
    """
    mixes = recipe.augment.mixup_alpha > 0 or recipe.augment.cutmix_alpha > 0
    made = shown if mixes else share.part(shown)
    images = load_images(data, recipe.augment, made, key=key[:2], engine=engine)
    targets = load_targets(data, recipe, made, engine)
    ids = data.train.ids_of(shown.rows)
    if not mixes:
        return Batch((images,), targets, ids, share)
    images, targets = mix(images, targets, recipe.augment, key=key)
    return Batch((images,), targets, ids).part(share)
