"""Two changed images of each nodule of a batch; no label is known here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.augment.balance import IntArray, draw_showings
from lungml.augment.geometric import draw_geometry, warp
from lungml.augment.jitter import draw_jitter, jitter_hu
from lungml.imaging.intensity import Normalisation, normalise
from lungml.imaging.sending import rows_on
from lungml.models.precision import EXACT, Engine
from lungml.params.pretrain import PretrainParams


@dataclass(frozen=True)
class Unlabelled:
    """What pretraining sees: `images_hu` int16 (N, C, H, W), whose nodules they are, and how HU become input.

    A nodule is in `nodule_ids` (N,) once for each view of it.
    """

    nodule_ids: tuple[str, ...]
    images_hu: NDArray[np.int16]
    normalisation: Normalisation


@dataclass(frozen=True)
class Pairs:
    """What one step sees: `images` (2 B, C, H, W) normalised, B first changes and then B second ones."""

    images: Tensor
    nodule_ids: tuple[str, ...]


def count_steps(data: Unlabelled, params: PretrainParams) -> int:
    """How many steps an epoch has."""
    return -(-len(data.nodule_ids) // params.batch_size)


def epoch_pairs(
    data: Unlabelled, params: PretrainParams, *, epoch: int, first_step: int = 0, engine: Engine = EXACT
) -> Iterator[Pairs]:
    """Yield the batches of an epoch from `first_step` on, made on the engine's device.

    Sizes differ by one at most, and every image is in one of them. Each batch depends on the arguments
    alone, so a resumed epoch goes on with the batches it would have had.
    """
    nobody = np.zeros(len(data.nodule_ids), np.int64)
    order = draw_showings(nobody, "none", seed=params.seed, epoch=epoch).rows
    for rows in np.array_split(order, count_steps(data, params))[first_step:]:
        sent = rows_on(engine.device, data.images_hu, rows)
        images_hu = torch.cat([_changed(sent, params, rows, copy=copy, epoch=epoch) for copy in (0, 1)])
        images: Tensor = normalise(images_hu, data.normalisation)
        ids = tuple(data.nodule_ids[row] for row in rows)
        yield Pairs(images.to(memory_format=engine.layout), ids)


def _changed(images_hu: Tensor, params: PretrainParams, rows: IntArray, *, copy: int, epoch: int) -> Tensor:
    copies = np.full_like(rows, copy)
    key = {"seed": params.seed, "epoch": epoch}
    moved = warp(images_hu, draw_geometry(params.geometry, rows, copies, **key))
    shape = tuple(images_hu.shape[1:])
    return jitter_hu(moved, draw_jitter(params.jitter, rows, copies, shape=shape, **key))
