"""Steps of fine-tuning with frozen layers: lungml beside a naive loop, timm's and Lightning's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.competitors import HOW_TO_INSTALL
from benchmarks.result import Result, Value, parser, show
from benchmarks.timing import Contender, times_of
from benchmarks.train_loops import OTHERS, Job, Lungml, installed, naive_loop
from lungml.models.table import BACKBONES

CLAIM = "Behind frozen layers a step costs what it trains: 3 times less at 70 %, 6 at 90 %, 100 for a head"
COLUMNS = ("frozen", "loop", "ms a step", "times as fast as naive", "input's share of the step")
_FRACTIONS = (0.0, 0.7, 0.9, 1.0)
_HEAD_STEPS = 20
"""Of a head alone, which are too short to be timed one by one."""


@dataclass(frozen=True)
class _Road:
    """A loop, how many steps it does at a time, and what makes its inputs alone (lungml's only)."""

    name: str
    steps: int
    work: Callable[[], object]
    inputs: Callable[[], object] | None = None


def measure(backbone: str, fractions: Sequence[float], side: int, batch: int, rounds: int) -> Result:
    """Time the loops at each frozen fraction, in steps of `batch` images of (side, side)."""
    torch.set_num_threads(1)
    rows = [row for frozen in fractions for row in _rows(Job(backbone, frozen, side, batch, steps=1), rounds)]
    missing = [HOW_TO_INSTALL.format(missing=f"{name}'s loop") for name in OTHERS if name not in installed()]
    note = _NOTE.format(backbone=backbone, batch=batch, side=side)
    return Result(CLAIM, COLUMNS, tuple(rows), (note, *missing))


_NOTE = (
    "{backbone}, random weights, {batch} images of {side} x {side} a step, augmented by lungml for all "
    "loops; one thread, milliseconds of the processor. naive: the whole network forward, float32, AdamW. "
    "timm: the step of its train.py with --model-ema, and --amp for bfloat16. cached: after the first epoch, "
    "in which the frozen layers saw each image once."
)


def _rows(job: Job, rounds: int) -> Iterator[tuple[Value, ...]]:
    roads = list(_roads(job))
    contenders = [Contender(road.name, road.work) for road in roads]
    contenders += [Contender(f"{road.name} input", road.inputs) for road in roads if road.inputs]
    seconds = {name: each.cpu for name, each in times_of(contenders, rounds).items()}
    naive = seconds[roads[0].name]
    for road in roads:
        a_step = seconds[road.name] / road.steps
        share = seconds[f"{road.name} input"] / seconds[road.name] if road.inputs else ""
        yield job.frozen, road.name, 1000 * a_step, naive / a_step, share


def _roads(job: Job) -> Iterator[_Road]:
    """The naive one first."""
    yield _Road("naive float32", job.steps, naive_loop(job, "float32"))
    for precision in ("float32", "bfloat16"):
        for name, loop in installed().items():
            yield _Road(f"{name} {precision}", job.steps, loop(job, precision))
        ours = Lungml(job, precision, cache_prefix=False)
        yield _Road(f"lungml {precision}", job.steps, ours, lambda ours=ours: list(ours.inputs()))
    if job.frozen:
        steps = _HEAD_STEPS if job.frozen == 1 else job.steps
        kept = Lungml(replace(job, steps=steps), "bfloat16", cache_prefix=True)
        yield _Road("lungml bfloat16, cached", steps, kept, lambda: list(kept.inputs()))


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbone", default="convnext_tiny", choices=list(BACKBONES))
    arguments.add_argument("--fractions", nargs="+", type=float, default=list(_FRACTIONS))
    arguments.add_argument("--side", type=int, default=224)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    show(measure(given.backbone, given.fractions, given.side, given.batch, given.rounds), given.json)
