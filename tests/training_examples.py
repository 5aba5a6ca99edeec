"""Small learnable examples and a network of a few hundred weights, for tests of the training."""

import numpy as np
import pandas as pd
from torch import nn

from lungml.imaging.intensity import fit_normalisation
from lungml.imaging.store import ITEMS, write_store
from lungml.models.classifier import Classifier
from lungml.params.data import IntensityParams, ViewsParams
from lungml.params.model import AugmentParams, RecipeParams
from lungml.tables import SPLIT, write_table
from lungml.training.data import Examples, TrainingData
from lungml.training.determinism import seeded
from lungml.training.loop import Settings

SIZE_PX = 16
AUGMENT = AugmentParams(rotation_degrees=180, shift_fraction=0.05)
STILL = AugmentParams(rotation_degrees=0, flip_probability=0, zoom=0, shift_fraction=0)
RECIPE = RecipeParams(augment=AUGMENT, threads=1, average_decay=0.9)


def draw_images(labels, seed=0):
    """A disc in lung; its brightness grows with the class, so a network can learn it."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX] - (SIZE_PX - 1) / 2
    disc = np.hypot(rows, columns) < 4
    images = generator.normal(-850, 60, (len(labels), 1, SIZE_PX, SIZE_PX))
    return (images + disc * (300 + 150 * labels[:, None, None, None])).astype(np.int16)


def make_examples(prefix, count, *, classes=2, seed=0):
    labels = np.arange(count) % classes if classes > 2 else (np.arange(count) % 4 == 0).astype(int)
    ids = tuple(f"{prefix}-{i:03}" for i in range(count))
    return Examples(ids, draw_images(labels, seed), labels.astype(np.int64), classes)


def make_data(*, classes=2):
    train = make_examples("train", 40, classes=classes, seed=1)
    val = make_examples("val", 24, classes=classes, seed=2)
    return TrainingData(train, val, fit_normalisation(train.images_hu, IntensityParams()))


class TinyBackbone(nn.Sequential):
    """Two blocks with norm and dropout; speaks timm's language of layer groups."""

    head_hidden_size = 8

    def __init__(self):
        super().__init__(
            nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Sequential(nn.Conv2d(4, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def group_matcher(self, coarse=False):
        return {"blocks": r"^(\d+)"}


def make_classifier(*, classes=2, seed=0):
    with seeded(seed):
        return Classifier(TinyBackbone(), nn.Linear(8, classes))


def make_settings(**changes):
    values = {
        "batch_size": 8,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "head_epochs": 1,
        "epochs": 4,
        "patience": 9,
        "recipe": RECIPE,
        "seed": 3,
    }
    return Settings(**(values | changes))


def write_inputs(folder):
    """A view store and a split of 60 nodules with labels that can be learned; returns the two paths."""
    five = np.arange(60) % 5
    ids = [f"n{i:03}" for i in range(60)]
    items = pd.DataFrame(
        {
            "nodule_id": ids,
            "patient_id": [f"p{i // 2:03}" for i in range(60)],
            "series_uid": "1.2.3",
            "z_index": 0,
            "pixel_spacing_mm": 0.5,
        }
    )[list(ITEMS.columns)]
    write_store(
        folder / "views",
        images_hu=draw_images(five),
        masks=np.zeros((60, SIZE_PX, SIZE_PX), bool),
        items=items,
        info={
            "view": "nodule",
            "params": ViewsParams(size_px=SIZE_PX).model_dump(mode="json"),
            "data_sha256": "d" * 64,
        },
    )
    return folder / "views", write_split(folder)


def write_split(folder):
    """The split of the nodules of `write_inputs`: 15 patients in train, 8 in val, 7 in test; three folds."""
    number = np.arange(60)
    five = number % 5
    part = np.repeat(["train", "val", "test"], [30, 16, 14])
    split = pd.DataFrame(
        {
            "nodule_id": [f"n{i:03}" for i in number],
            "patient_id": [f"p{i // 2:03}" for i in number],
            "score": five + 1.0,
            "scores": [[grade] for grade in five + 1],
            "binary": (five >= 3).astype(int),
            "five": five,
            "part": part,
            "fold": np.where(part == "test", -1, number // 2 % 3),
        }
    )
    write_table(folder / "split.parquet", split, SPLIT)
    return folder / "split.parquet"
