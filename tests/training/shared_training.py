"""A training as each of several processes runs it: `torchrun ... shared_training.py FOLDER HOW RECIPE...`."""

import os
import signal
import sys
from pathlib import Path

import torch
from training_examples import STILL, make_classifier, make_data, make_settings

from lungml.errors import LungmlError
from lungml.params.model import AugmentParams, RecipeParams
from lungml.training.checkpoint import Checkpoints, stop_requests
from lungml.training.loop import train
from lungml.training.processes import joined

MIXED = AugmentParams(rotation_degrees=180, mixup_alpha=0.4, cutmix_alpha=0.4)
MOVED = AugmentParams(rotation_degrees=180, shift_fraction=0.05)
RECIPES = {
    "whole images": RecipeParams(augment=MIXED, clip_norm=0.5, accumulate=2, average_decay=0.9),
    "frozen statistics": RecipeParams(
        augment=MOVED, norm_statistics="frozen", imbalance="class-weights", loss="focal"
    ),
    "behind frozen layers": RecipeParams(
        augment=STILL, schedule="custom", trainable=(0.5, 0.5), cache_prefix=True, prefix_copies=2
    ),
    "little memory": RecipeParams(augment=MOVED, norm_statistics="frozen", clip_norm=0.5),
    "no memory": RecipeParams(augment=MOVED, norm_statistics="frozen"),
    "without measure": RecipeParams(
        augment=STILL, schedule="custom", trainable=(1.0, 1.0), learning_rates=(1e30, 1e30)
    ),
}

ROOM = {"little memory": 2, "no memory": 0}
"""Recipe -> for how many images at once the second process has memory."""


def settings_of(recipe):
    """Batches of 7 and 8 images, so that shares are of different size."""
    return make_settings(recipe=RECIPES[recipe], optimizer="sgd", epochs=2)


def network():
    """Without dropout, which each process draws for itself."""
    classifier = make_classifier()
    classifier.backbone[1][3].p = 0.0
    return classifier


def lack_memory(network, most):
    """Let a network find no memory for more than `most` images, once its first layers have seen them."""

    def forget(_layer, inputs):
        if len(inputs[0]) > most:
            raise torch.OutOfMemoryError("no memory")

    network.backbone[1].register_forward_pre_hook(forget)


def stop_asked(how, rank):
    """The second process alone is asked to stop in step 11, or killed in it."""
    steps = 0

    def asked():
        nonlocal steps
        steps += 1
        if how == "killed" and rank == 1 and steps == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        return how == "stopped" and rank == 1 and steps == 11

    return asked


def run(folder, how, recipe, processes):
    """Weights and records, or what was said at the end."""
    classifier = network()
    if recipe in ROOM and processes.rank == 1:
        lack_memory(classifier, ROOM[recipe])
    checkpoints = Checkpoints(folder / f"{recipe} {processes.rank} checkpoints", "f")
    options = {"checkpoints": checkpoints, "stop_asked": stop_asked(how, processes.rank)}
    try:
        records = list(train(classifier, make_data(), settings_of(recipe), **options, processes=processes))
    except LungmlError as error:
        return {"said": str(error)}
    return {"weights": classifier.state_dict(), "records": [each.lasting() for each in records]}


def main(folder, how, *recipes):
    with joined() as processes, stop_requests():  # so that SIGTERM, torchrun's, ends nothing by itself
        for recipe in recipes:
            found = run(Path(folder), how, recipe, processes)
            torch.save(found, Path(folder) / f"{recipe} {processes.rank}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
