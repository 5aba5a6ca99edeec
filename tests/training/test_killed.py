"""A training in a process of its own, killed where it stands, again and again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from training_examples import AUGMENT, make_classifier, make_data, make_settings

from lungml.params.model import RecipeParams
from lungml.training.checkpoint import Checkpoints
from lungml.training.loop import train

TESTS = Path(__file__).resolve().parents[1]
EPOCHS, STEPS = 5, 8
RECIPES = {
    "whole images": RecipeParams(augment=AUGMENT, threads=1),
    "behind frozen layers": RecipeParams(
        augment=AUGMENT, threads=1, schedule="custom", trainable=(0.5, 0.5), cache_prefix=True
    ),
}


def trained(recipe, work=None, after_step=lambda: False):
    settings = make_settings(recipe=RECIPES[recipe], head_epochs=1, epochs=EPOCHS - 1)
    classifier = make_classifier()
    checkpoints = Checkpoints(work, "f") if work else None
    list(train(classifier, make_data(), settings, checkpoints=checkpoints, stop_asked=after_step))
    return classifier.state_dict()


CHILD = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(TESTS)!r}, {str(Path(__file__).parent)!r}]
import torch
from test_killed import trained
recipe, work, out = sys.argv[1:]
torch.save(trained(recipe, Path(work), lambda: print("step", flush=True)), out)
"""


def train_in_a_process(recipe, folder, steps):
    """Kill it after so many steps, with SIGKILL; None lets it finish."""
    command = [sys.executable, "-c", CHILD, recipe, folder / "work", folder / "weights.pt"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TESTS.parent) as process:
        for number, _ in enumerate(process.stdout, start=1):
            if number == steps:
                process.kill()
                break
        process.stdout.read()
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_training_killed_at_any_step_ends_with_the_weights_of_one_that_was_not(recipe, tmp_path):
    """Upsampling makes 8 steps an epoch; the last of an epoch is followed by validation and a checkpoint."""
    drawn = int(np.random.default_rng(len(recipe)).integers(1, 2 * STEPS))
    for steps in (STEPS, drawn):
        assert train_in_a_process(recipe, tmp_path, steps) == -9
        assert not (tmp_path / "weights.pt").exists()

    assert train_in_a_process(recipe, tmp_path, None) == 0

    found, expected = torch.load(tmp_path / "weights.pt"), trained(recipe)
    assert all(torch.equal(found[name], value) for name, value in expected.items())
