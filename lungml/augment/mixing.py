"""MixUp and CutMix by timm's `Mixup`, with its randomness keyed instead of global.

Source: Zhang et al. 2018 (MixUp), arXiv 1710.09412; Yun et al. 2019 (CutMix), arXiv 1905.04899.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from timm.data.mixup import Mixup
from torch import Tensor

from lungml.params.model import AugmentParams

_MIXING_STREAM = 3


def mix(
    images: Tensor, targets: Tensor, params: AugmentParams, *, key: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """Mix each image of a batch with another one, where `params` asks for it.

    Args:
        images: (N, C, H, W), normalised.
        targets: (N, K), rows sum to 1.
        params: the strength of each kind; with both kinds on, one is drawn for the batch.
        key: (seed, epoch, step); the same key gives the same mix. The partners are of the same batch.

    Returns:
        Images, and targets (N, K) that sum to 1. The last of an odd number of images stays as it is.
    """
    even = len(images) - len(images) % 2
    if even == 0 or (params.mixup_alpha == 0 and params.cutmix_alpha == 0):
        return images, targets
    mixup = Mixup(  # type: ignore[no-untyped-call]
        mixup_alpha=params.mixup_alpha,
        cutmix_alpha=params.cutmix_alpha,
        label_smoothing=0.0,
        num_classes=even,
    )
    images, targets = images.clone(), targets.clone()
    with _numpy_seeded(key):
        # with every image a class of its own, timm's targets are the share of each image in each mix
        images[:even], shares = mixup(images[:even].clone(), torch.arange(even, device=images.device))
    targets[:even] = shares.to(targets.dtype) @ targets[:even]
    return images, targets


@contextmanager
def _numpy_seeded(key: tuple[int, int, int]) -> Iterator[None]:
    """Seed what timm draws from, numpy's global state, and put it back afterwards."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(np.random.SeedSequence((*key, _MIXING_STREAM)).generate_state(4))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
