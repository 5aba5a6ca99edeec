"""What tuning and fine-tuning share: the data of a task, and a classifier to be trained on it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from lungml.imaging.intensity import fit_normalisation
from lungml.imaging.store import ViewStore
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.depths import normalised_batches
from lungml.models.expected_input import as_expected, check_pixels
from lungml.models.heads import build_head
from lungml.params.data import IntensityParams
from lungml.params.model import WeightsParams
from lungml.terms import Part, Task
from lungml.training.data import TrainingData, select_examples
from lungml.training.determinism import seeded


def gather_data(
    store: ViewStore, split: pd.DataFrame, task: Task, intensity: IntensityParams
) -> TrainingData:
    """Train and validation images of a task, never a test one; the normalisation is fitted on train.

    Raises:
        InputError: see `select_examples`.
    """
    train = select_examples(store, split, task.target, Part.TRAIN)
    val = select_examples(store, split, task.target, Part.VAL)
    return TrainingData(train, val, fit_normalisation(train.images_hu, intensity))


def as_backbone_expects(data: TrainingData, backbone: str, weights: WeightsParams) -> TrainingData:
    """The data, normalised as the pretrained weights of the backbone expect; random ones take train's.

    Raises:
        ModelError: pretrained weights would get pixels of another range than they know.
    """
    normalisation = as_expected(data.normalisation, backbone, weights)
    batches = normalised_batches(data.train.images_hu, normalisation, _CHECKED_AT_ONCE)
    check_pixels(batches, normalisation, backbone, weights)
    return replace(data, normalisation=normalisation)


_CHECKED_AT_ONCE = 64


def build_classifier(
    backbone: str, head: str, data: TrainingData, weights: WeightsParams, *, seed: int
) -> Classifier:
    """A classifier that fits the data; the head's weights are drawn from `seed`."""
    in_channels = data.normalisation.channels(data.train.images_hu.shape[1])
    network = build_backbone(backbone, in_channels=in_channels, weights=weights)
    with seeded(seed):
        return Classifier(network, build_head(head, embedding_size(network), data.train.classes))
