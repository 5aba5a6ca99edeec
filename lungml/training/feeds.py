"""What goes into a network: whole images, or what its frozen layers made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lungml.augment.balance import IntArray, Showings
from lungml.imaging.intensity import normalise
from lungml.imaging.sending import rows_on
from lungml.models.classifier import Classifier
from lungml.models.memory import by_halves
from lungml.models.precision import EXACT, Engine, stepping
from lungml.models.splitting import RestOfClassifier, Split, split_backbone
from lungml.params.model import RecipeParams
from lungml.progress import say
from lungml.training.compiling import compiled
from lungml.training.data import ALL_OF_IT, Batch, Share, TrainingData, load_batch, load_images, load_targets
from lungml.training.kept import Inputs
from lungml.training.prefixes import Prefixes
from lungml.training.validation import BLOCK, validation_images

Weights = Mapping[str, Tensor]


class Feed(Protocol):
    """A network, and what goes into it."""

    @property
    def network(self) -> nn.Module:
        """What is trained: it takes the inputs of a batch and gives logits."""

    def batch(self, shown: Showings, *, epoch: int, step: int) -> Batch:
        """The batch of a step that shows these examples."""

    def validation(self, weights: Weights) -> tuple[nn.Module, Iterable[Inputs]]:
        """The network to judge with `weights` (of the whole classifier), and its inputs in order."""


class WholeImages:
    """Images go through the whole classifier."""

    def __init__(
        self,
        classifier: Classifier,
        data: TrainingData,
        recipe: RecipeParams,
        seed: int,
        *,
        engine: Engine = EXACT,
        share: Share = ALL_OF_IT,
    ) -> None:
        self.classifier = classifier
        self.network: nn.Module = classifier
        self.data = data
        self.recipe = recipe
        self.seed = seed
        self.engine = engine
        self.share = share

    def batch(self, shown: Showings, *, epoch: int, step: int) -> Batch:
        key = (self.seed, epoch, step)
        return load_batch(self.data, self.recipe, shown, key=key, engine=self.engine, share=self.share)

    def validation(self, _weights: Weights) -> tuple[nn.Module, Iterable[Inputs]]:
        return self.classifier, validation_images(self.data, self.engine)


class BehindFrozenLayers:
    """What the frozen layers make of an image is computed once for each of its copies, and kept.

    `recipe.kept_copies` augmented copies of an image take turns: the showing c of a row in epoch e is its
    copy (e + c) modulo their number.
    """

    def __init__(self, split: Split, whole: WholeImages, prefixes: Prefixes) -> None:
        self._rest = RestOfClassifier(split.rest, whole.classifier.head)
        self.network: nn.Module = self._rest
        self._prefix = split.prefix
        self._whole = whole
        # of a class side by side: one is shown as often as another, so no block holds many that are not
        self._rows = np.argsort(whole.data.train.labels, kind="stable")
        self._places = np.argsort(self._rows)
        self._kept = prefixes.find(split.prefix, whole.data, whole.recipe, whole.seed, engine=whole.engine)

    def batch(self, shown: Showings, *, epoch: int, step: int) -> Batch:
        whole = self._whole
        train, recipe = whole.data.train, whole.recipe
        own = whole.share.part(shown)
        copies = (epoch + own.copies) % recipe.kept_copies
        items = copies * len(self._rows) + self._places[own.rows]
        inputs = self._kept.train.take(items, self._of_train)
        targets = load_targets(whole.data, recipe, own, whole.engine)
        return Batch(inputs, targets, train.ids_of(shown.rows), whole.share)

    def validation(self, weights: Weights) -> tuple[nn.Module, Iterable[Inputs]]:
        """Averages of layers that were frozen after they had been trained are not yet what was kept."""
        own = self._prefix.state_dict()
        if not all(torch.equal(weights[f"backbone.{name}"], value) for name, value in own.items()):
            return self._whole.validation(weights)
        items = np.arange(len(self._whole.data.val.labels))
        blocks = np.split(items, range(BLOCK, len(items), BLOCK))
        return self._rest, (self._kept.val.take(block, self._of_val) for block in blocks)

    def _of_train(self, items: IntArray) -> Inputs:
        copies, places = np.divmod(items, len(self._rows))
        shown = Showings(self._rows[places], copies)
        whole = self._whole
        key = (whole.seed, 0)
        return self._made(load_images(whole.data, whole.recipe.augment, shown, key=key, engine=whole.engine))

    def _of_val(self, items: IntArray) -> Inputs:
        data, engine = self._whole.data, self._whole.engine
        images = normalise(rows_on(engine.device, data.val.images_hu, items), data.normalisation)
        return self._made(images.to(memory_format=engine.layout))

    def _made(self, images: Tensor) -> Inputs:
        with torch.no_grad(), stepping(self._whole.engine):
            return by_halves(self._prefix, (images,))


class Feeder:
    """Chooses the feed of each epoch of a training."""

    def __init__(self, whole: WholeImages, prefixes: Prefixes) -> None:
        self._whole = whole
        self._prefixes = prefixes
        self._frozen: tuple[bool, ...] = ()
        self._feed: WholeImages | BehindFrozenLayers = whole
        self._said = False

    def choose(self) -> Feed:
        """The feed for the layers that are frozen now; the classifier is in training mode."""
        recipe = self._whole.recipe
        frozen = tuple(not each.requires_grad for each in self._whole.classifier.backbone.parameters())
        if frozen != self._frozen:
            self._frozen, self._feed = frozen, self._whole
            self._whole.network = self._whole.classifier
            if recipe.cache_prefix and any(frozen):
                self._feed = self._cut()
            if recipe.compile:
                self._feed.network = compiled(self._feed.network)
        return self._feed

    def _cut(self) -> WholeImages | BehindFrozenLayers:
        split = split_backbone(self._whole.classifier.backbone)
        if split is None and not self._said:
            self._said = True
            say("  this backbone cannot be cut behind its frozen layers: every step computes all of it")
        return BehindFrozenLayers(split, self._whole, self._prefixes) if split else self._whole
