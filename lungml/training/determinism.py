"""Randomness and arithmetic that repeat, without changing anything global for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_STEP_STREAM = 4


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Use torch's deterministic algorithms and this many threads; afterwards all is as before."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    before = torch.get_num_threads()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.set_num_threads(before)


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Draw torch's random numbers (dropout, new weights) from `key`; put its generator back afterwards."""
    seed = int(np.random.SeedSequence((*key, _STEP_STREAM)).generate_state(1, np.uint64)[0])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
