"""Images with and without a nodule at a random place, and a small network that learns to tell them apart."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from nodule_pictures import vessel
from scipy import ndimage
from torch import nn
from training_examples import make_settings

from lungml.explain.sanity import Sample
from lungml.imaging.intensity import fit_normalisation, normalise
from lungml.models.classifier import Classifier
from lungml.params.data import IntensityParams
from lungml.params.model import AugmentParams, RecipeParams
from lungml.training.data import Examples, TrainingData
from lungml.training.determinism import seeded
from lungml.training.loop import train

SIZE_PX = 64


class SmallBackbone(nn.Module):
    """Three layers that see 15 pixels, in the words of timm."""

    num_features = head_hidden_size = 32
    feature_info = ({"module": "body", "reduction": 4},)

    def __init__(self):
        super().__init__()
        shapes = ((1, 8, 2), (8, 16, 2), (16, 32, 1))
        self.body = nn.Sequential(*(layer(*shape) for shape in shapes))

    def group_matcher(self, coarse=False):
        return {"stem": r"^body\.0", "blocks": r"^body\.(\d+)"}

    def forward_features(self, images):
        return self.body(images)

    def forward_head(self, maps):
        return maps.mean(dim=(2, 3))

    def forward(self, images):
        return self.forward_head(self.forward_features(images))


def layer(inputs, outputs, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def draw(count, seed):
    """Images (N, 1, H, W) in HU among vessels as bright as the nodule, labels, masks (empty for label 0)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images, masks = zip(*(_image(rng, bool(label)) for label in labels), strict=True)
    return np.stack(images)[:, None].astype(np.int16), labels, np.stack(masks)


def _image(rng, planted):
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX] - (SIZE_PX - 1) / 2
    distance = np.hypot(y - rng.uniform(-16, 16), x - rng.uniform(-16, 16))
    radius = rng.uniform(9, 14)
    vessels = sum(vessel(rng, y, x) for _ in range(rng.integers(4, 9)))
    bright = np.clip(vessels + planted / (1 + np.exp(distance - radius)), 0, 1)
    haze = ndimage.gaussian_filter(rng.normal(0, 1, y.shape), 4) * 300
    return -850 + haze + 1000 * bright + rng.normal(0, 20, y.shape), planted & (distance <= radius)


@cache
def data(permuted=False):
    """400 images to train on, 80 to validate on; `permuted` labels of train say nothing."""
    train_set, val_set = (_examples(count, seed) for count, seed in ((400, 1), (80, 2)))
    if permuted:
        labels = np.random.default_rng(4).permutation(train_set.labels)
        train_set = replace(train_set, labels=labels)
    return TrainingData(train_set, val_set, fit_normalisation(train_set.images_hu, IntensityParams()))


def _examples(count, seed):
    images_hu, labels, _ = draw(count, seed)
    ids = tuple(f"{seed}-{number:03}" for number in range(count))
    return Examples(ids, images_hu, labels.astype(np.int64), 2)


def untrained(seed):
    with seeded(seed):
        return Classifier(SmallBackbone(), nn.Linear(32, 2)).eval()


@cache
def trained(seed, permuted=False):
    """Four seconds of a processor."""
    classifier = untrained(seed)
    recipe = RecipeParams(augment=AugmentParams(rotation_degrees=0.0), average_decay=0.9, threads=1)
    settings = make_settings(
        batch_size=20, learning_rate=0.02, head_epochs=0, epochs=20, patience=20, recipe=recipe, seed=seed
    )
    for _ in train(classifier, data(permuted), replace(settings, keep="last")):
        pass
    return classifier


def sample(classifier, count=32, seed=3):
    """New images, what the classifier says of them, and the truth."""
    images_hu, labels, _ = draw(count, seed)
    images = normalise(torch.from_numpy(images_hu), data().normalisation)
    with torch.no_grad():
        return Sample(images, classifier(images).argmax(dim=1), torch.from_numpy(labels))
