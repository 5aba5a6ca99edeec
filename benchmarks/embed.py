"""Embedding views with a frozen backbone: lungml in torch and compiled, beside a plain loop over timm."""

from __future__ import annotations

import time
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
from lungml.models.depths import Depths, difference, normalised_batches
from lungml.models.embedder import Embedder
from lungml.models.precision import EXACT, Engine
from lungml.models.table import BACKBONES
from lungml.params.model import EmbedParams, WeightsParams

CLAIM = "Views are embedded at all depths 2.2 times as fast as timm gives the last, within 1 % of float32"
COLUMNS = (
    "backbone", "road", "images a second", "times timm's", "GFLOP/s", "share of peak", "off float32",
    "start-up s",
)  # fmt: skip
_SEED_STUDYS = tuple(BACKBONES)[:4]
_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.3,))
_WEIGHTS = WeightsParams(source="random")
_SIDE, _PRODUCTS = 1536, 8
_PRODUCTS_GFLOP = _PRODUCTS * 2 * _SIDE**3 / 1e9
_TIMM = "timm loop"
_HALF = Engine("cpu", "bfloat16")
_ROADS = {
    "lungml float32": (EXACT, False),
    "lungml bfloat16": (_HALF, False),
    "lungml float32 compiled": (EXACT, True),
    "lungml bfloat16 compiled": (_HALF, True),
}
"""Name -> engine, whether compiled."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_PEAKS = {"float32": "product float32", "bfloat16": "product bfloat16"}


def measure(backbones: Sequence[str], images: int, side: int, batch: int, rounds: int) -> Result:
    """Time the roads from int16 HU (images, 1, side, side) to embeddings, for each backbone."""
    torch.set_num_threads(1)
    images_hu = example_hu(images, side)[:, None]
    rows = [row for name in backbones for row in _rows(name, images_hu, batch, rounds)]
    tolerance, depths = EmbedParams().tolerance, EmbedParams().depths
    note = _NOTE.format(images=images, side=side, batch=batch, depths=depths, tolerance=tolerance)
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


_NOTE = (
    "{images} images of {side} x {side} in batches of {batch}, one thread, seconds of the processor; random "
    "weights; normalising counts, start-up (conversion, compiling, the first image) does not. timm: float32, "
    "channels first, last embedding. lungml: embeddings at depths {depths}; compiled: by OpenVINO. Peak: a "
    "matrix product in the road's precision, in the same turns. Off float32: the most that an embedding is "
    "off torch's float32 at any depth, as a share of its length; where bfloat16 is off by more than "
    "embed.tolerance ({tolerance}), the stage embed takes float32."
)


def _rows(name: str, images_hu: NDArray[np.int16], batch: int, rounds: int) -> Iterator[tuple[Value, ...]]:
    network, loop = build_backbone(name, in_channels=1, weights=_WEIGHTS), _timm_network(name)
    depths = EmbedParams().depths
    embedders = {road: Embedder(network, depths, *how) for road, how in _ROADS.items()}
    start_up = {road: _seconds(partial(_lungml, each, images_hu[:1], 1)) for road, each in embedders.items()}
    roads = {road: partial(_lungml, each, images_hu, batch) for road, each in embedders.items()}
    work: dict[str, Callable[[], object]] = {_TIMM: partial(_timm_loop, loop, images_hu, batch), **roads}
    work |= {peak: partial(_products, _DTYPES[precision]) for precision, peak in _PEAKS.items()}
    times = times_of([Contender(road, each) for road, each in work.items()], rounds)
    seconds = {road: each.cpu for road, each in times.items()}
    gflop = _gflop(name, images_hu.shape[-1]) * len(images_hu)
    exact = _lungml(Embedder(network, depths), images_hu[:batch], batch)
    for road in (_TIMM, *_ROADS):
        precision = embedders[road].engine.precision if road in embedders else "float32"
        off = difference(_lungml(embedders[road], images_hu[:batch], batch), exact) if road in _ROADS else 0.0
        taken, rate = seconds[road], gflop / seconds[road]
        share = rate * seconds[_PEAKS[precision]] / _PRODUCTS_GFLOP
        starting = start_up[road] if road in _ROADS and embedders[road].compiled else 0.0
        yield name, road, len(images_hu) / taken, seconds[_TIMM] / taken, rate, share, off, starting


def _lungml(embedder: Embedder, images_hu: NDArray[np.int16], batch: int) -> Depths:
    return embedder.embed(normalised_batches(images_hu, _NORMALISATION, batch))


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


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
