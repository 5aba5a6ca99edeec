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
    """A loop, and how many steps it does at a time."""

    name: str
    steps: int
    work: Callable[[], object]


def measure(jobs: Sequence[Job], rounds: int) -> Result:
    """Time the loops at each job, in turns of its steps."""
    torch.set_num_threads(1)
    rows = [row for job in jobs for row in _rows(job, rounds)]
    missing = [HOW_TO_INSTALL.format(missing=f"{name}'s loop") for name in OTHERS if name not in installed()]
    note = _NOTE.format(**vars(jobs[0]))
    return Result(CLAIM, COLUMNS, tuple(rows), (note, *missing))


_NOTE = (
    "{backbone}, random weights, {batch} images of {side} x {side} a step, {steps} step(s) in turn; images "
    "are augmented by lungml for all loops; one thread, milliseconds of the processor. naive: the whole "
    "network forward, float32, AdamW. timm: its train.py's step with --model-ema, and --amp for bfloat16. "
    "cached: after the first epoch, in which the frozen layers saw each image once."
)


def _rows(job: Job, rounds: int) -> Iterator[tuple[Value, ...]]:
    roads = list(_roads(job))
    times = times_of([Contender(road.name, road.work) for road in roads], rounds)
    a_step = {road.name: times[road.name].cpu / road.steps for road in roads}
    naive = a_step[roads[0].name]
    for road in roads:
        share = road.work.input_share if isinstance(road.work, Lungml) else ""
        yield job.frozen, road.name, 1000 * a_step[road.name], naive / a_step[road.name], share


def _roads(job: Job) -> Iterator[_Road]:
    """The naive one first."""
    yield _Road("naive float32", job.steps, naive_loop(job, "float32"))
    for precision in ("float32", "bfloat16"):
        for name, loop in installed().items():
            yield _Road(f"{name} {precision}", job.steps, loop(job, precision))
        yield _Road(f"lungml {precision}", job.steps, Lungml(job, precision, cache_prefix=False))
    if job.frozen:
        more = replace(job, steps=max(job.steps, _HEAD_STEPS)) if job.frozen == 1 else job
        yield _Road("lungml bfloat16, cached", more.steps, Lungml(more, "bfloat16", cache_prefix=True))


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbone", default="convnext_tiny", choices=list(BACKBONES))
    arguments.add_argument("--fractions", nargs="+", type=float, default=list(_FRACTIONS))
    arguments.add_argument("--side", type=int, default=224)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--steps", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    work = [Job(given.backbone, each, given.side, given.batch, given.steps) for each in given.fractions]
    show(measure(work, given.rounds), given.json)
