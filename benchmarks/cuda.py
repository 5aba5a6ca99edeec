"""Training steps on a GPU: lungml beside the naive loop, images a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import numpy as np
import timm
import torch
from torch import nn

from benchmarks.result import Result, Value, parser, show
from lungml.imaging.intensity import Normalisation
from lungml.models.freezing import set_frozen
from lungml.models.precision import Engine, stepping
from lungml.models.table import BACKBONES
from lungml.params.model import Precision, RecipeParams, WeightsParams
from lungml.training.assembly import build_classifier
from lungml.training.data import Batch, Examples, TrainingData, draw_steps
from lungml.training.determinism import reproducible
from lungml.training.feeds import Feeder, WholeImages
from lungml.training.gradients import Gradients, StepKey
from lungml.training.optim import set_learning_rate
from lungml.training.prefixes import Prefixes
from lungml.training.state import TrainingState

CLAIM = "On a GPU lungml's step is faster than the naive loop's, its augmentation included"
COLUMNS = ("backbone", "px", "batch", "frozen", "loop", "images/s", "ms a step", "times naive", "MiB")
_DEVICE = "cuda"
_SEED, _RATE = 1, 1e-4
_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), (0.3,), (0.3,))
Step = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """A network, and what goes into it."""

    backbone: str
    side: int
    batch: int


JOBS = (Job("convnext_tiny", 224, 64), Job("mobilenetv2_100", 64, 32))
_FRACTIONS = (0.7, 0.9)


@dataclass(frozen=True)
class Road:
    """A way to make a step, which `build` gives, with a share of the layers frozen."""

    name: str
    frozen: float
    build: Callable[[], Step]


def naive(job: Job, frozen: float, precision: Precision, *, tf32: bool = False, last: bool = False) -> Step:
    """As in most notebooks: the whole network forward, AdamW, the loss read in every step.

    The batch is on the GPU already, so making it costs nothing here.
    """
    layout = torch.channels_last if last else torch.contiguous_format
    architecture = BACKBONES[job.backbone].timm_name.split(".")[0]
    network: nn.Module = timm.create_model(architecture, in_chans=1, num_classes=2)
    set_frozen(network, frozen)
    network.get_classifier().requires_grad_(True)  # type: ignore[operator]
    network.train().to(_DEVICE, memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE)
    images = torch.randn(job.batch, 1, job.side, job.side, device=_DEVICE).to(memory_format=layout)
    targets = torch.eye(2, device=_DEVICE)[torch.arange(job.batch, device=_DEVICE) % 2]

    def step() -> float:
        with _tf32(on=tf32):
            optimizer.zero_grad()
            with stepping(Engine(_DEVICE, precision)):
                loss = nn.functional.cross_entropy(network(images), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            return loss.item()

    return step


@contextmanager
def _tf32(*, on: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if on else "highest")
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=on):
        yield
    torch.set_float32_matmul_precision(before)


class Lungml:
    """Steps of lungml's loop: images augmented on the GPU, checked gradients, an average of the weights."""

    def __init__(self, job: Job, frozen: float, precision: Precision, **recipe: bool) -> None:
        count = 4 * job.batch
        images_hu = np.random.default_rng(0).normal(-500, 300, (count, 1, job.side, job.side))
        ids = tuple(f"n{number:04}" for number in range(count))
        examples = Examples(ids, images_hu.astype(np.int16), np.arange(count) % 2, 2)
        data = TrainingData(examples, examples, _NORMALISATION)
        self._recipe = RecipeParams(imbalance="none", prefix_copies=1, **recipe)  # type: ignore[arg-type]
        self._engine = Engine(_DEVICE, precision)
        classifier = build_classifier(
            job.backbone, "linear", data, WeightsParams(source="random"), seed=_SEED
        )
        classifier.to(_DEVICE, memory_format=self._engine.layout)  # type: ignore[call-overload]
        set_frozen(classifier.backbone, frozen)
        classifier.train()
        self._state = TrainingState(classifier, "adamw", self._recipe)
        whole = WholeImages(classifier, data, self._recipe, _SEED, engine=self._engine)
        self._feed = Feeder(whole, Prefixes()).choose()
        self._gradients = Gradients(
            self._feed.network, nn.functional.cross_entropy, self._recipe, self._engine
        )
        self._steps = draw_steps(examples, self._recipe, job.batch, seed=_SEED, epoch=0)
        self._state.open_epoch()
        self._batch = self._next()

    def _next(self) -> Batch:
        number = self._state.step
        return self._feed.batch(self._steps[number % len(self._steps)], epoch=0, step=number)

    def __call__(self) -> None:
        with reproducible(1, _DEVICE):
            filled = self._gradients.fill(self._batch, 1, StepKey(_SEED, 0, self._state.step))
            following = self._next()
            set_learning_rate(self._state.optimizer, _RATE)
            self._state.finish_step(filled.loss(), len(self._batch))
            self._batch = following


def _roads(job: Job, *, compiled: bool) -> Iterator[Road]:
    """The first of each frozen fraction is what the others are compared with."""
    yield Road("naive float32", 0, lambda: naive(job, 0, "float32"))
    yield Road("naive TF32", 0, lambda: naive(job, 0, "float32", tf32=True))
    yield Road("naive bfloat16", 0, lambda: naive(job, 0, "bfloat16"))
    yield Road("naive bfloat16, channels last", 0, lambda: naive(job, 0, "bfloat16", last=True))
    yield Road("lungml float32", 0, lambda: Lungml(job, 0, "float32"))
    yield Road("lungml bfloat16", 0, lambda: Lungml(job, 0, "bfloat16"))
    for frozen in _FRACTIONS:
        yield Road("naive float32", frozen, lambda share=frozen: naive(job, share, "float32"))
        yield Road("naive bfloat16", frozen, lambda share=frozen: naive(job, share, "bfloat16"))
        yield Road("lungml bfloat16", frozen, lambda share=frozen: Lungml(job, share, "bfloat16"))
        yield Road(
            "lungml bfloat16, cached",
            frozen,
            lambda share=frozen: Lungml(job, share, "bfloat16", cache_prefix=True),
        )
    if compiled:
        yield Road("lungml bfloat16, compiled", 0, lambda: Lungml(job, 0, "bfloat16", compile=True))


def measure(jobs: Sequence[Job], rounds: int, steps: int, *, compiled: bool) -> Result:
    """Time the roads of each job; a line on the way for each, for machines that are lent by the minute."""
    rows = []
    for job in jobs:
        naives: dict[float, float] = {}
        for road in _roads(job, compiled=compiled):
            milliseconds, memory = _time(road, rounds, steps)
            naive_ms = naives.setdefault(road.frozen, milliseconds)
            row: tuple[Value, ...] = (
                job.backbone,
                job.side,
                job.batch,
                road.frozen,
                road.name,
                round(1000 * job.batch / milliseconds),
                milliseconds,
                naive_ms / milliseconds,
                round(memory),
            )
            print(*row, flush=True)
            rows.append(row)
    note = (
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}. Random weights; median of {rounds} "
        f"rounds of {steps} steps, one loop after the other. naive: the batch lies on the GPU already. "
        "lungml: images are gathered, augmented and normalised in each step; gradients checked, weights "
        "averaged. MiB: most memory in use at once."
    )
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


def _time(road: Road, rounds: int, steps: int) -> tuple[float, float]:
    """Milliseconds a step, and the most memory in use, in MiB."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    step = road.build()
    for _ in range(5):
        step()
    found = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(steps):
            step()
        torch.cuda.synchronize()
        found.append((time.perf_counter() - started) / steps)
    return 1000 * median(found), torch.cuda.max_memory_allocated() / 2**20


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbone", choices=[job.backbone for job in JOBS], help="this one alone")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=10)
    arguments.add_argument("--no-compile", action="store_true", help="leave torch.compile out (a minute)")
    given = arguments.parse_args()
    chosen = [job for job in JOBS if given.backbone in {None, job.backbone}]
    show(measure(chosen, given.rounds, given.steps, compiled=not given.no_compile), given.json)
