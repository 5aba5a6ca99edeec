"""Training loops over the same network and the same images: lungml's and others', a few steps at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median

import numpy as np
import timm
import torch
from timm.optim import create_optimizer_v2
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.example_series import example_hu
from lungml.imaging.intensity import Normalisation
from lungml.models.freezing import set_frozen
from lungml.models.precision import stepping
from lungml.models.table import BACKBONES
from lungml.params.model import Precision, RecipeParams, WeightsParams
from lungml.training.assembly import build_classifier
from lungml.training.data import Examples, TrainingData, draw_steps, load_batch
from lungml.training.feeds import Feed, Feeder, WholeImages
from lungml.training.gradients import Gradients, StepKey
from lungml.training.optim import set_learning_rate
from lungml.training.prefixes import Prefixes
from lungml.training.state import TrainingState

_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.3,))
_RATE, _SEED = 1e-4, 1


@dataclass(frozen=True)
class Job:
    """What every loop does: train the last 1 - `frozen` of a backbone's layers and a linear head."""

    backbone: str
    frozen: float
    side: int
    batch: int
    steps: int

    @property
    def data(self) -> TrainingData:
        """As many images of two classes as the steps show."""
        count = self.steps * self.batch
        ids = tuple(f"n{number:04}" for number in range(count))
        images_hu = example_hu(count, self.side)[:, None]
        examples = Examples(ids, images_hu, np.arange(count) % 2, 2)
        return TrainingData(examples, examples, _NORMALISATION)

    def recipe(self, precision: Precision, *, cache_prefix: bool) -> RecipeParams:
        """Augmented; the head at one rate."""
        return RecipeParams(precision=precision, cache_prefix=cache_prefix, prefix_copies=1, imbalance="none")


class Lungml:
    """The steps of lungml's loop: its feed, checked and limited gradients, optimizer, average of weights."""

    def __init__(self, job: Job, precision: Precision, *, cache_prefix: bool) -> None:
        self._data, self._recipe = job.data, job.recipe(precision, cache_prefix=cache_prefix)
        weights = WeightsParams(source="random")
        classifier = build_classifier(job.backbone, "linear", self._data, weights, seed=_SEED)
        set_frozen(classifier.backbone, job.frozen)
        classifier.train()
        self._state = TrainingState(classifier, "adamw", self._recipe)
        self._feed: Feed = Feeder(
            WholeImages(classifier, self._data, self._recipe, _SEED), Prefixes()
        ).choose()
        self._gradients = Gradients(self._feed.network, nn.functional.cross_entropy, self._recipe)
        self._steps = draw_steps(self._data.train, self._recipe, job.batch, seed=_SEED, epoch=0)
        self._state.open_epoch()
        self._shares: list[float] = []

    def __call__(self) -> None:
        input_s, started = 0.0, time.process_time()
        for number, shown in enumerate(self._steps):
            asked = time.process_time()
            batch = self._feed.batch(shown, epoch=0, step=number)
            input_s += time.process_time() - asked
            loss, _ = self._gradients.fill(batch, 1, StepKey(_SEED, 0, number))
            set_learning_rate(self._state.optimizer, _RATE)
            self._state.finish_step(loss, len(batch))
        self._shares.append(input_s / (time.process_time() - started))

    @property
    def input_share(self) -> float:
        """Of the processor's time in which a step's input is made; the median of all calls but the first."""
        return median(self._shares[1:])


def _timm_network(job: Job) -> nn.Module:
    """As `timm.create_model` makes it; the same layers are frozen, by name."""
    architecture = BACKBONES[job.backbone].timm_name.split(".")[0]
    network: nn.Module = timm.create_model(architecture, in_chans=1, num_classes=2)
    set_frozen(network, job.frozen)
    network.get_classifier().requires_grad_(True)  # type: ignore[operator]
    return network.train()


def _batches(job: Job) -> Iterator[tuple[Tensor, Tensor]]:
    """The images that lungml's loop sees, made by its own code."""
    data, recipe = job.data, job.recipe("float32", cache_prefix=False)
    for number, shown in enumerate(draw_steps(data.train, recipe, job.batch, seed=_SEED, epoch=0)):
        batch = load_batch(data, recipe, shown, key=(_SEED, 0, number))
        yield batch.inputs[0], batch.targets


def naive_loop(job: Job, precision: Precision) -> Callable[[], None]:
    """As in most notebooks: the whole network forward, AdamW."""
    network = _timm_network(job)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE)

    def work() -> None:
        for images, targets in _batches(job):
            optimizer.zero_grad()
            with stepping(precision):
                loss = nn.functional.cross_entropy(network(images), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return work


def timm_loop(job: Job, precision: Precision) -> Callable[[], None]:
    """The step of timm's train.py: its optimizer and parameter groups, `--amp`, an average of weights."""
    network = _timm_network(job)
    optimizer = create_optimizer_v2(network, opt="adamw", lr=_RATE, weight_decay=0.05)
    average = timm.utils.ModelEmaV3(network, decay=0.98)

    def work() -> None:
        for images, targets in _batches(job):
            with stepping(precision):
                loss = nn.functional.cross_entropy(network(images), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            average.update(network)

    return work


def lightning_loop(job: Job, precision: Precision) -> Callable[[], None]:
    """A plain LightningModule in a Trainer without logs, checkpoints and progress (`barebones`)."""
    from lightning.pytorch import LightningModule, Trainer  # type: ignore[import-not-found]

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = _timm_network(job)

        def training_step(self, batch: tuple[Tensor, Tensor], _number: int) -> Tensor:
            return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=_RATE)

    module = Module()
    words = {"float32": "32-true", "bfloat16": "bf16-mixed"}[precision]

    def work() -> None:
        trainer = Trainer(max_epochs=1, precision=words, accelerator="cpu", barebones=True)
        trainer.fit(module, DataLoader(list(_batches(job)), batch_size=None))

    return work


OTHERS: dict[str, tuple[str, Callable[[Job, Precision], Callable[[], None]]]] = {
    "timm": ("timm", timm_loop),
    "Lightning": ("lightning", lightning_loop),
}
"""Name -> the package it needs, and its loop."""


def installed() -> dict[str, Callable[[Job, Precision], Callable[[], None]]]:
    """Loops of `OTHERS` whose package is there."""
    return {name: loop for name, (package, loop) in OTHERS.items() if find_spec(package)}
