"""Trainings that a GPU and the processor do alike."""

import numpy as np
import torch
from training_examples import STILL, make_classifier, make_settings
from training_runs import run

from lungml.imaging.intensity import Normalisation
from lungml.params.model import AugmentParams, RecipeParams
from lungml.training.data import Examples, TrainingData

MOVED = AugmentParams(rotation_degrees=180, shift_fraction=0.05, mixup_alpha=0.4, cutmix_alpha=0.4)
WHOLE = RecipeParams(augment=MOVED, precision="float32", average_decay=0.9, clip_norm=5.0, accumulate=2)
BEHIND = RecipeParams(
    augment=STILL.model_copy(update={"flip_probability": 0.5}),
    precision="float32",
    schedule="custom",
    trainable=(0.5, 0.5),
    cache_prefix=True,
    prefix_copies=3,
)
RECIPES = {"whole images": WHOLE, "behind frozen layers": BEHIND}


def still_classifier():
    """Without dropout, whose numbers a GPU draws for itself."""
    classifier = make_classifier()
    classifier.backbone[1][3].p = 0.0
    return classifier


def settings_for(device, recipe, **changes):
    """Plain gradient descent, which does not blow rounding up as Adam does."""
    return make_settings(recipe=recipe, optimizer="sgd", device=device, **changes)


def trained(device, recipe, **options):
    return run(settings_for(device, recipe), classifier=still_classifier(), **options)


def assert_close(found, expected, *, atol):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].device.type == "cpu", name
        assert torch.allclose(found[name].double(), value.double(), atol=atol), name


def photo_like(count, side):
    images_hu = np.random.default_rng(0).normal(-500, 300, (count, 1, side, side)).astype(np.int16)
    ids = tuple(f"n{number:03}" for number in range(count))
    examples = Examples(ids, images_hu, np.arange(count) % 2, 2)
    return TrainingData(examples, examples, Normalisation("window", ((-1000.0, 400.0),), (0.3,), (0.3,)))
