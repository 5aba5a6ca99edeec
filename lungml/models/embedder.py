"""A frozen backbone made ready to embed: layer by layer in torch, or compiled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from lungml.errors import ModelError
from lungml.models.compiled import CompiledNetwork, ConvertedNetwork
from lungml.models.depths import AtDepths, Depths, difference, embed_batches
from lungml.models.precision import EXACT, Engine

_ROUNDING = 1e-3
"""How far two ways to compute in float32 may be apart: 2e-6, and 3e-4 where positions are interpolated."""


@dataclass(frozen=True)
class Embedder:
    """A backbone, the depths it is asked for, and how it is computed.

    `backbone` and `depths` are as for `embed_batches`. `compiled` needs the processor as device. Compiling is
    done for the first batch, and kept for batches of the same image size.
    """

    backbone: nn.Module
    depths: Sequence[float]
    engine: Engine = EXACT
    compiled: bool = False
    _converted: dict[torch.Size, ConvertedNetwork] = field(default_factory=dict, repr=False, compare=False)
    _programs: dict[torch.Size, CompiledNetwork] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    @property
    def library(self) -> str:
        """What computes: `torch` or `openvino`."""
        return "openvino" if self.compiled else "torch"

    @property
    def way(self) -> str:
        """How it is computed, in words."""
        return f"{self.engine.precision} ({self.library})"

    def embed(self, batches: Iterable[Tensor]) -> Depths:
        """Embeddings of all images, (n, C, H, W) a batch, at every depth.

        Compiled, an image gives the same bytes in any batch and with any number of threads; else see
        `embed_batches`.
        """
        if not self.compiled:
            return embed_batches(self.backbone, batches, self.depths, self.engine)
        parts = [self._program(batch[:1])(batch) for batch in batches]
        rows = (np.concatenate(vectors) for vectors in zip(*parts, strict=True))
        return dict(zip(self.depths, rows, strict=True))

    def _program(self, image: Tensor) -> CompiledNetwork:
        size = image.shape
        if size not in self._converted:
            self._converted[size] = ConvertedNetwork(AtDepths(self.backbone, self.depths).eval(), image)
        if size not in self._programs:
            threads = torch.get_num_threads()
            self._programs[size] = self._converted[size].compiled(self.engine.precision, threads)
        return self._programs[size]


def agreeing(wished: Embedder, batch: Tensor, tolerance: float) -> tuple[Embedder, float]:
    """The embedder itself if it gives the embeddings of torch's float32, else the nearest to it that does.

    In float32 a compiled network may differ from torch by rounding alone, whatever the tolerance.

    Args:
        wished: the embedder in question.
        batch: normalised images to compare on, (n, C, H, W).
        tolerance: largest `difference` to accept at any depth.

    Returns:
        The embedder to use, and the difference of the one in question: 0 for torch's float32, infinite where
        OpenVINO cannot convert the network.
    """
    *tried, exact = _from(wished)
    expected, off = exact.embed([batch]) if tried else {}, 0.0
    for each in tried:
        found = _off(each, batch, expected)
        off = found if each is wished else off
        if found <= _allowed(each, tolerance):
            return each, off
    return exact, off


def _from(wished: Embedder) -> Iterator[Embedder]:
    """The embedder itself, itself in float32, and torch in both precisions, each once."""
    exact = replace(wished.engine, precision=EXACT.precision)
    steps = [(compiled, engine) for compiled in (wished.compiled, False) for engine in (wished.engine, exact)]
    for compiled, engine in dict.fromkeys(steps):
        is_wished = (compiled, engine) == (wished.compiled, wished.engine)
        yield wished if is_wished else replace(wished, compiled=compiled, engine=engine)


def _off(embedder: Embedder, batch: Tensor, expected: Depths) -> float:
    try:
        found = embedder.embed([batch])
    except ModelError:
        return math.inf
    return difference(found, expected)


def _allowed(embedder: Embedder, tolerance: float) -> float:
    return tolerance if embedder.engine.precision == "bfloat16" else min(tolerance, _ROUNDING)
