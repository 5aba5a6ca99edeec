"""Screening backbones at several depths: lungml's probes beside a short fine-tuning of every cell."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.example_series import example_hu
from benchmarks.result import Result, Value, parser, show
from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.depths import embed_batches, normalised_batches
from lungml.models.freezing import set_frozen
from lungml.models.heads import build_head
from lungml.models.precision import Engine, is_accelerated
from lungml.models.table import BACKBONES
from lungml.params.model import ScreenParams, WeightsParams
from lungml.screening import Cohort, draw_folds, judge

CLAIM = "Screening 4 backbones at 6 depths takes a twentieth of the time of the seed study's procedure"
COLUMNS = ("backbone", "seed study, hours", "lungml, hours", "of it probes", "times faster")
DEPTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
EPOCHS, BATCH = 10, 16
_SEED_STUDYS = tuple(BACKBONES)[:4]
_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.3,))

Images = NDArray[np.int16]


def measure(backbones: Sequence[str], nodules: int, side: int, sample: int, steps: int) -> Result:
    """Time both for `nodules` images of (side, side), each from a sample of its own work."""
    torch.set_num_threads(1)
    images_hu = example_hu(max(sample, BATCH), side)[:, None]
    rows = [_row(name, images_hu, nodules, sample, steps) for name in backbones]
    sums = [sum(float(row[column]) for row in rows) for column in (1, 2, 3)]
    rows.append(("all", *sums, sums[0] / sums[1]))
    note = _NOTE.format(
        nodules=nodules, side=side, epochs=EPOCHS, batch=BATCH, cells=len(DEPTHS), steps=steps, sample=sample,
        precision=_engine().precision,
    )  # fmt: skip
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


_NOTE = (
    "{nodules} images of {side} x {side}, one thread, hours of the processor. Seed study: {epochs} epochs in "
    "batches of {batch} with Adam for each of {cells} frozen fractions (0 to 100 %), reckoned from {steps} "
    "step(s) of each. lungml: one pass in {precision} for all depths, reckoned from {sample} images, and a "
    "probe with repeated patient-grouped cross-validation for each, reckoned from the last depth."
)


def _row(name: str, images_hu: Images, nodules: int, sample: int, steps: int) -> tuple[Value, ...]:
    network = build_backbone(name, in_channels=1, weights=WeightsParams(source="random"))
    batches = math.ceil(nodules / BATCH)
    cells = [_step_seconds(network, images_hu[:BATCH], depth, steps) for depth in DEPTHS]
    seed_study = sum(cells) * batches * EPOCHS
    embedding, features = _embedding_seconds(network, images_hu[:sample])
    probes = len(DEPTHS) * _probe_seconds(nodules, features)
    lungml = embedding * nodules / sample + probes
    return name, seed_study / 3600, lungml / 3600, probes / 3600, seed_study / lungml


def _step_seconds(network: nn.Module, images_hu: Images, frozen: float, steps: int) -> float:
    """Mean seconds of a training step with a fraction of the layers frozen; the first one is not counted."""
    head = build_head("linear", embedding_size(network), 2)
    classifier = Classifier(network, head)
    set_frozen(network, frozen)
    classifier.train()
    trained = [parameter for parameter in classifier.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-4)
    pixels = normalise(torch.from_numpy(images_hu), _NORMALISATION)
    targets = torch.arange(len(images_hu)) % 2
    started = 0.0
    for number in range(steps + 1):
        if number == 1:
            started = time.process_time()
        optimizer.zero_grad()
        nn.functional.cross_entropy(classifier(pixels), targets).backward()
        optimizer.step()
    return (time.process_time() - started) / steps


def _embedding_seconds(network: nn.Module, images_hu: Images) -> tuple[float, int]:
    """Seconds to embed the images at every depth, and how wide the last embedding is."""
    depths, engine = [depth for depth in DEPTHS if depth], _engine()
    embed_batches(network, normalised_batches(images_hu[:2], _NORMALISATION, 2), depths, engine)  # warms up
    started = time.process_time()
    found = embed_batches(network, normalised_batches(images_hu, _NORMALISATION, 32), depths, engine)
    return time.process_time() - started, found[1.0].shape[1]


def _probe_seconds(nodules: int, features: int) -> float:
    rng, params = np.random.default_rng(0), ScreenParams()
    patients = np.array([f"P{number // 3:04}" for number in range(nodules)])
    cohort = Cohort(rng.integers(2, size=nodules), patients, 2)
    folds, values = draw_folds(cohort, params), rng.normal(size=(nodules, features))
    started = time.process_time()
    with threadpool_limits(1):
        judge(values, cohort, folds, params)
    return time.process_time() - started


def _engine() -> Engine:
    half = Engine("cpu", "bfloat16")
    return half if is_accelerated(half) else Engine("cpu", "float32")


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbone", action="append", choices=list(BACKBONES))
    arguments.add_argument("--nodules", type=int, default=1890)
    arguments.add_argument("--side", type=int, default=224)
    arguments.add_argument("--sample", type=int, default=32)
    arguments.add_argument("--steps", type=int, default=1)
    given = arguments.parse_args()
    names = given.backbone or _SEED_STUDYS
    show(measure(names, given.nodules, given.side, given.sample, given.steps), given.json)
