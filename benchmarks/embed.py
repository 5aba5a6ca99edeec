"""Embedding views with a frozen backbone: lungml in both precisions beside a plain loop over timm."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.example_series import example_hu
from benchmarks.result import Result, Value, parser, show
from benchmarks.timing import Contender, seconds_of
from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.backbones import build_backbone
from lungml.models.depths import Depths, difference, embed_batches, normalised_batches
from lungml.models.precision import Engine
from lungml.models.table import BACKBONES
from lungml.params.model import EmbedParams, WeightsParams

CLAIM = "In bfloat16 views are embedded at all depths at least 2.2 times as fast as timm gives the last one"
COLUMNS = (
    "backbone", "road", "images a second", "times timm's", "GFLOP/s", "share of peak", "off float32",
)  # fmt: skip
_SEED_STUDYS = tuple(BACKBONES)[:4]
_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.3,))
_WEIGHTS = WeightsParams(source="random")
_PEAK_SIDE, _PEAK_ROUNDS = 1536, 5
_TIMM, _EXACT, _HALF = "timm loop", "lungml float32", "lungml bfloat16"


def measure(backbones: Sequence[str], images: int, side: int, batch: int, rounds: int) -> Result:
    """Time the three roads from int16 HU (images, 1, side, side) to embeddings, for each backbone."""
    images_hu = example_hu(images, side)[:, None]
    peaks = {dtype: _peak_gflops(dtype) for dtype in (torch.float32, torch.bfloat16)}
    rows = [row for name in backbones for row in _rows(name, images_hu, batch, rounds, peaks)]
    note = _NOTE.format(
        images=images, side=side, batch=batch, threads=torch.get_num_threads(), depths=EmbedParams().depths,
        single=peaks[torch.float32], half=peaks[torch.bfloat16], tolerance=EmbedParams().tolerance,
    )  # fmt: skip
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


_NOTE = (
    "{images} images of {side} x {side} in batches of {batch}, {threads} thread(s), random weights; "
    "normalising counts. timm: float32, channels first, last embedding. lungml: channels last, embeddings "
    "at depths {depths}. Peak: a matrix product in the road's precision on the same thread(s) gives "
    "{single:.0f} GFLOP/s in float32 and {half:.0f} in bfloat16. Off float32: the most that an embedding is "
    "off at any depth, as a share of its length; the stage embed uses float32 where that is more than "
    "embed.tolerance ({tolerance})."
)


def _rows(
    name: str, images_hu: NDArray[np.int16], batch: int, rounds: int, peaks: dict[torch.dtype, float]
) -> Iterator[tuple[Value, ...]]:
    network = build_backbone(name, in_channels=1, weights=_WEIGHTS)
    roads: dict[str, Callable[[], object]] = {
        _TIMM: partial(_timm_loop, _timm_network(name), images_hu, batch),
        _EXACT: partial(_lungml, network, images_hu, batch, Engine("cpu", "float32")),
        _HALF: partial(_lungml, network, images_hu, batch, Engine("cpu", "bfloat16")),
    }
    seconds = seconds_of([Contender(road, work) for road, work in roads.items()], rounds)
    gflop = _gflop(name, images_hu.shape[-1]) * len(images_hu)
    exact = _lungml(network, images_hu[:batch], batch, Engine("cpu", "float32"))
    halved = _lungml(network, images_hu[:batch], batch, Engine("cpu", "bfloat16"))
    off = {_TIMM: 0.0, _EXACT: 0.0, _HALF: difference(halved, exact)}
    for road, taken in seconds.items():
        peak = peaks[torch.bfloat16 if road == _HALF else torch.float32]
        rate = gflop / taken
        yield name, road, len(images_hu) / taken, seconds[_TIMM] / taken, rate, rate / peak, off[road]


def _lungml(network: nn.Module, images_hu: NDArray[np.int16], batch: int, engine: Engine) -> Depths:
    batches = normalised_batches(images_hu, _NORMALISATION, batch)
    return embed_batches(network, batches, EmbedParams().depths, engine)


def _timm_network(name: str) -> nn.Module:
    architecture = BACKBONES[name].timm_name.split(".")[0]
    network: nn.Module = timm.create_model(architecture, in_chans=1, num_classes=0)
    return network.eval()


def _timm_loop(network: nn.Module, images_hu: NDArray[np.int16], batch: int) -> NDArray[np.float32]:
    """As in most notebooks."""
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(normalise(images_hu[start : start + batch], _NORMALISATION))).numpy()
            for start in range(0, len(images_hu), batch)
        ]
    return np.concatenate(parts)


def _gflop(name: str, side: int) -> float:
    """Of one image; a multiplication with its addition counts as two."""
    with torch.device("meta"):
        network = _timm_network(name)
        image = torch.zeros(1, 1, side, side)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return float(counter.get_total_flops()) / 1e9


def _peak_gflops(dtype: torch.dtype) -> float:
    a, b = (torch.randn(_PEAK_SIDE, _PEAK_SIDE, dtype=dtype) for _ in range(2))
    seconds = seconds_of([Contender("product", partial(torch.mm, a, b))], _PEAK_ROUNDS)
    return 2 * _PEAK_SIDE**3 / seconds["product"] / 1e9


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbones", nargs="+", default=list(_SEED_STUDYS), choices=list(BACKBONES))
    arguments.add_argument("--images", type=int, default=32)
    arguments.add_argument("--side", type=int, default=224)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1, choices=range(1, (os.cpu_count() or 1) + 1))
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    show(measure(given.backbones, given.images, given.side, given.batch, given.rounds), given.json)
