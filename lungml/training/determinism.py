"""Randomness and arithmetic that repeat, without changing anything global for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_STEP_STREAM = 4


@contextmanager
def reproducible(threads: int, device: str = "cpu") -> Iterator[None]:
    """Use torch's deterministic algorithms and this many threads; afterwards all is as before.

    On a GPU the fastest algorithms are taken instead, which may sum in another order every time, and float32
    is float32, not TF32: the same arguments give the same result up to rounding.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with _exact() if device == "cpu" else _float32_as_it_is():
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _exact() -> Iterator[None]:
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


@contextmanager
def _float32_as_it_is() -> Iterator[None]:
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        yield


@contextmanager
def seeded(*key: int, device: str = "cpu") -> Iterator[None]:
    """Draw torch's random numbers (dropout, new weights) from `key`; put its generators back afterwards.

    A GPU has a generator of its own, whose numbers differ from the processor's.
    """
    seed = int(np.random.SeedSequence((*key, _STEP_STREAM)).generate_state(1, np.uint64)[0])
    gpus = [] if device == "cpu" else [_number_of(device)]
    with torch.random.fork_rng(devices=gpus):
        for generator in (torch.default_generator, *(torch.cuda.default_generators[gpu] for gpu in gpus)):
            generator.manual_seed(seed)
        yield


def _number_of(gpu: str) -> int:
    index = torch.device(gpu).index
    return torch.cuda.current_device() if index is None else index
