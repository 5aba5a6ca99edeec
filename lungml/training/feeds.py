"""What goes into a network: whole images, or what its frozen layers made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lungml.augment.balance import IntArray, Showings
from lungml.imaging.intensity import normalise
from lungml.models.classifier import Classifier
from lungml.models.precision import stepping
from lungml.models.splitting import RestOfClassifier, Split, split_backbone
from lungml.params.model import RecipeParams
from lungml.progress import say
from lungml.training.data import Batch, TrainingData, load_batch, load_images
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

    def __init__(self, classifier: Classifier, data: TrainingData, recipe: RecipeParams, seed: int) -> None:
        self.network = classifier
        self.data = data
        self.recipe = recipe
        self.seed = seed

    def batch(self, shown: Showings, *, epoch: int, step: int) -> Batch:
        return load_batch(self.data, self.recipe, shown, key=(self.seed, epoch, step))

    def validation(self, _weights: Weights) -> tuple[nn.Module, Iterable[Inputs]]:
        return self.network, validation_images(self.data)


class BehindFrozenLayers:
    """What the frozen layers make of an image is computed once for each of its copies, and kept.

    `recipe.prefix_copies` augmented copies of an image take turns: the showing c of a row in epoch e is its
    copy (e + c) modulo their number.
    """

    def __init__(self, split: Split, whole: WholeImages, prefixes: Prefixes) -> None:
        self.network = RestOfClassifier(split.rest, whole.network.head)
        self._prefix = split.prefix
        self._whole = whole
        # of a class side by side: one is shown as often as another, so no block holds many that are not
        self._rows = np.argsort(whole.data.train.labels, kind="stable")
        self._places = np.argsort(self._rows)
        self._kept = prefixes.find(split.prefix, whole.data, whole.recipe, whole.seed)

    def batch(self, shown: Showings, *, epoch: int, step: int) -> Batch:
        train, recipe = self._whole.data.train, self._whole.recipe
        copies = (epoch + shown.copies) % recipe.prefix_copies
        items = copies * len(self._rows) + self._places[shown.rows]
        inputs = self._kept.train.take(items, self._of_train)
        targets = torch.from_numpy(train.targets(shown.rows, recipe.reader_share))
        return Batch(inputs, targets, train.ids_of(shown.rows))

    def validation(self, weights: Weights) -> tuple[nn.Module, Iterable[Inputs]]:
        """Averages of layers that were frozen after they had been trained are not yet what was kept."""
        own = self._prefix.state_dict()
        if not all(torch.equal(weights[f"backbone.{name}"], value) for name, value in own.items()):
            return self._whole.validation(weights)
        items = np.arange(len(self._whole.data.val.labels))
        blocks = np.split(items, range(BLOCK, len(items), BLOCK))
        return self.network, (self._kept.val.take(block, self._of_val) for block in blocks)

    def _of_train(self, items: IntArray) -> Inputs:
        copies, places = np.divmod(items, len(self._rows))
        shown = Showings(self._rows[places], copies)
        whole = self._whole
        return self._made(load_images(whole.data, whole.recipe.augment, shown, seed=whole.seed, epoch=0))

    def _of_val(self, items: IntArray) -> Inputs:
        data = self._whole.data
        return self._made(normalise(torch.from_numpy(data.val.images_hu[items]), data.normalisation))

    def _made(self, images: Tensor) -> Inputs:
        with torch.no_grad(), stepping(self._whole.recipe.precision):
            made: Inputs = self._prefix(images)
        return made


class Feeder:
    """Chooses the feed of each epoch of a training."""

    def __init__(self, whole: WholeImages, prefixes: Prefixes) -> None:
        self._whole = whole
        self._prefixes = prefixes
        self._frozen: tuple[bool, ...] = ()
        self._feed: Feed = whole
        self._said = False

    def choose(self) -> Feed:
        """The feed for the layers that are frozen now; the classifier is in training mode."""
        if not self._whole.recipe.cache_prefix:
            return self._whole
        frozen = tuple(not each.requires_grad for each in self._whole.network.backbone.parameters())
        if frozen != self._frozen:
            self._frozen, self._feed = frozen, self._whole
            if any(frozen):
                self._feed = self._cut()
        return self._feed

    def _cut(self) -> Feed:
        split = split_backbone(self._whole.network.backbone)
        if split is None and not self._said:
            self._said = True
            say("  this backbone cannot be cut behind its frozen layers: every step computes all of it")
        return BehindFrozenLayers(split, self._whole, self._prefixes) if split else self._whole
