"""The stage finetune, run on a few small images."""

import json

import numpy as np
from training_examples import AUGMENT, write_inputs

from lungml.files import sha256_file
from lungml.params.data import IntensityParams, LabelParams
from lungml.params.model import RecipeParams, WeightsParams
from lungml.params.task import FinetuneParams
from lungml.stages import finetune
from lungml.terms import Task

PARAMS = FinetuneParams(
    head_epochs=1, epochs=3, recipe=RecipeParams(augment=AUGMENT, threads=1, average_decay=0.5)
)
BEST = {
    "task": "nodule-binary",
    "backbone": "mobilenetv3_small_050",
    "batch_size": 14,
    "optimizer": "adamw",
    "learning_rate": 0.005,
    "head": "linear",
    "weighted_auprc": 0.8,
    "trials": 3,
    "pruned": 0,
}


WEIGHTS = WeightsParams(seed=5)


def run(folder, params=PARAMS, name="model", weights=WEIGHTS):
    if not (folder / "views").exists():
        write_inputs(folder)
        write_best(folder)
    finetune.run(
        params,
        weights,
        IntensityParams(),
        LabelParams(min_readers=2),
        task=Task.NODULE_BINARY,
        tuned=folder / "tuned",
        views=folder / "views",
        split=folder / "split.parquet",
        out=folder / "models" / name,
        log=folder / "logs" / name,
    )
    return folder / "models" / name, folder / "logs" / name


def write_best(folder):
    (folder / "tuned").mkdir()
    (folder / "tuned" / "best.json").write_text(json.dumps(BEST))


def poison_images(views, rows):
    """Replace the images of some rows of a store by noise."""
    images = np.load(views / "images.npy")
    images[rows] = np.random.default_rng(0).integers(-1000, 400, images[rows].shape)
    np.save(views / "images.npy", images)
    info = json.loads((views / "store.json").read_text())
    info["sha256"]["images.npy"] = sha256_file(views / "images.npy")
    (views / "store.json").write_text(json.dumps(info))


def contents(*folders):
    return {
        (place, file.name): file.read_bytes()
        for place, folder in enumerate(folders)
        for file in folder.iterdir()
    }


FOLDS = PARAMS.model_copy(update={"fit": "folds", "epochs": 2, "head_epochs": 0})
REFIT = FOLDS.model_copy(update={"fit": "refit"})
