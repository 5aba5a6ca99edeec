"""Changes of HU as scanners, doses and kernels make them: a blur, noise, another window.

Draws are keyed by (seed, epoch, row, copy) as those of `geometric` are. Everything is computed by element, so
that how images are grouped into batches changes no bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from lungml.augment.balance import IntArray
from lungml.imaging.sending import sent_to
from lungml.params.pretrain import JitterParams
from lungml.terms import AIR_HU

_JITTER_STREAM = 7
_REACH = 3.0
"""Deviations after which a Gaussian is cut off."""


@dataclass(frozen=True)
class Jitter:
    """How each of N images is changed, in this order: blur, noise, stretch, shift; arrays are (N,).

    `noise_hu` (N, C, H, W) is what is added. `stretch` multiplies the distance from air.
    """

    blur_px: NDArray[np.float64]
    noise_hu: NDArray[np.float32]
    stretch: NDArray[np.float64]
    shift_hu: NDArray[np.float64]


def draw_jitter(
    params: JitterParams,
    rows: IntArray,
    copies: IntArray,
    *,
    shape: tuple[int, ...],
    seed: int,
    epoch: int,
) -> Jitter:
    """Draw the change of each example; one example's draw depends on no other's.

    Args:
        params: how strong changes are.
        rows: (N,) of the training set.
        copies: (N,) showing of the row, from 0.
        shape: (C, H, W) of an image.
        seed: of the training.
        epoch: each has draws of its own.
    """
    draws = [
        _draw(np.random.SeedSequence((seed, epoch, _JITTER_STREAM, row, copy)), shape)
        for row, copy in zip(rows.tolist(), copies.tolist(), strict=True)
    ]
    uniform = np.stack([numbers for numbers, _ in draws])
    strength = (params.noise_hu * (uniform[:, 1] + 1) / 2).astype(np.float32)
    return Jitter(
        blur_px=params.blur_px * (uniform[:, 0] + 1) / 2,
        noise_hu=np.stack([noise for _, noise in draws]) * strength[:, None, None, None],
        stretch=1 + params.stretch * uniform[:, 2],
        shift_hu=params.shift_hu * uniform[:, 3],
    )


def jitter_hu(images_hu: Tensor, jitter: Jitter) -> Tensor:
    """Change images (N, C, H, W), float32 in HU; at the edge the blur repeats the last pixel."""
    device = images_hu.device
    blurred = _blurred(images_hu, jitter.blur_px)
    noisy = blurred + sent_to(device, torch.from_numpy(jitter.noise_hu))
    return (noisy - AIR_HU) * _column(jitter.stretch, device) + AIR_HU + _column(jitter.shift_hu, device)


def _draw(
    key: np.random.SeedSequence, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    generator = np.random.Generator(np.random.Philox(key))
    return generator.uniform(-1.0, 1.0, 4), generator.standard_normal(shape, dtype=np.float32)


def _blurred(images: Tensor, deviation_px: NDArray[np.float64]) -> Tensor:
    """By a Gaussian of its own for each image, along rows and then along columns."""
    reach = math.ceil(_REACH * float(deviation_px.max(initial=0.0)))
    if reach == 0:
        return images
    offsets = np.arange(-reach, reach + 1)
    widths = np.maximum(deviation_px, 1e-3)[:, None]
    weights = np.exp(-0.5 * (offsets / widths) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    columns = _column(weights, images.device)
    for axis, sides in ((3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach))):
        size = images.shape[axis]
        padded = pad(images, sides, mode="replicate")
        parts = (padded.narrow(axis, step, size) * columns[:, step] for step in range(len(offsets)))
        images = sum(parts, torch.zeros_like(images))
    return images


def _column(values: NDArray[np.float64], device: torch.device) -> Tensor:
    """(N, ...) -> (N, ..., 1, 1, 1) on the device."""
    return sent_to(device, torch.as_tensor(values, dtype=torch.float32))[..., None, None, None]
