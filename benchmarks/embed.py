"""Embedding views with a frozen backbone: lungml in both precisions beside a plain loop over timm."""

from __future__ import annotations

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
from benchmarks.timing import Contender, times_of
from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.backbones import build_backbone
from lungml.models.depths import Depths, difference, embed_batches, normalised_batches
from lungml.models.precision import Engine
from lungml.models.table import BACKBONES
from lungml.params.model import EmbedParams, Precision, WeightsParams

CLAIM = "Views are embedded in bfloat16 at all depths more than twice as fast as timm gives the last one"
COLUMNS = (
    "backbone", "road", "images a second", "times timm's", "GFLOP/s", "share of peak", "off float32",
)  # fmt: skip
_SEED_STUDYS = tuple(BACKBONES)[:4]
_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.3,))
_WEIGHTS = WeightsParams(source="random")
_SIDE, _PRODUCTS = 1536, 8
_PRODUCTS_GFLOP = _PRODUCTS * 2 * _SIDE**3 / 1e9
_PRECISIONS: tuple[Precision, Precision] = ("bfloat16", "float32")
_TIMM, _EXACT, _HALF = "timm loop", "lungml float32", "lungml bfloat16"
_PEAK, _HALF_PEAK = "product float32", "product bfloat16"


def measure(backbones: Sequence[str], images: int, side: int, batch: int, rounds: int) -> Result:
    """Time the three roads from int16 HU (images, 1, side, side) to embeddings, for each backbone."""
    torch.set_num_threads(1)
    images_hu = example_hu(images, side)[:, None]
    rows = [row for name in backbones for row in _rows(name, images_hu, batch, rounds)]
    tolerance, depths = EmbedParams().tolerance, EmbedParams().depths
    note = _NOTE.format(images=images, side=side, batch=batch, depths=depths, tolerance=tolerance)
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


_NOTE = (
    "{images} images of {side} x {side} in batches of {batch}, one thread, seconds of the processor; random "
    "weights; normalising counts. timm: float32, channels first, last embedding. lungml: channels last, "
    "embeddings at depths {depths}. Peak: a matrix product in the road's precision, in the same turns. Off "
    "float32: the most that an embedding is off at any depth, as a share of its length; the stage embed uses "
    "float32 where that is more than embed.tolerance ({tolerance})."
)


def _rows(name: str, images_hu: NDArray[np.int16], batch: int, rounds: int) -> Iterator[tuple[Value, ...]]:
    network, loop = build_backbone(name, in_channels=1, weights=_WEIGHTS), _timm_network(name)
    work: dict[str, Callable[[], object]] = {
        _TIMM: partial(_timm_loop, loop, images_hu, batch),
        _EXACT: partial(_lungml, network, images_hu, batch, Engine("cpu", "float32")),
        _HALF: partial(_lungml, network, images_hu, batch, Engine("cpu", "bfloat16")),
        _PEAK: partial(_products, torch.float32),
        _HALF_PEAK: partial(_products, torch.bfloat16),
    }
    times = times_of([Contender(road, each) for road, each in work.items()], rounds)
    seconds = {road: each.cpu for road, each in times.items()}
    gflop = _gflop(name, images_hu.shape[-1]) * len(images_hu)
    off = difference(
        *(_lungml(network, images_hu[:batch], batch, Engine("cpu", each)) for each in _PRECISIONS)
    )
    for road, peak, wrong in ((_TIMM, _PEAK, 0.0), (_EXACT, _PEAK, 0.0), (_HALF, _HALF_PEAK, off)):
        taken, rate = seconds[road], gflop / seconds[road]
        share = rate * seconds[peak] / _PRODUCTS_GFLOP
        yield name, road, len(images_hu) / taken, seconds[_TIMM] / taken, rate, share, wrong


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


def _products(dtype: torch.dtype) -> None:
    factor = torch.ones(_SIDE, _SIDE, dtype=dtype)
    for _ in range(_PRODUCTS):
        torch.mm(factor, factor)


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbones", nargs="+", default=list(_SEED_STUDYS), choices=list(BACKBONES))
    arguments.add_argument("--images", type=int, default=32)
    arguments.add_argument("--side", type=int, default=224)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    show(measure(given.backbones, given.images, given.side, given.batch, given.rounds), given.json)
