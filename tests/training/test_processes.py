"""Several processes make one training; torchrun really starts them, and they talk over loopback."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training_examples import make_data

from lungml.errors import ServiceError
from lungml.training.checkpoint import Checkpoints
from lungml.training.loop import train
from lungml.training.processes import ALONE, Processes

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from shared_training import network, settings_of  # noqa: E402

SHARED = ("whole images", "frozen statistics", "behind frozen layers", "little memory")


def torchrun(folder, how, *recipes, count=2):
    folder.mkdir(exist_ok=True)
    paths = os.pathsep.join(map(str, (HERE.parents[1], HERE.parent)))
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.run(
        [*start, HERE / "shared_training.py", folder, how, *recipes],
        env=os.environ | {"PYTHONPATH": paths, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def alone(recipe, **options):
    classifier = network()
    records = list(train(classifier, make_data(), settings_of(recipe), **options))
    return {"weights": classifier.state_dict(), "records": [each.lasting() for each in records]}


def assert_same(found, expected):
    for name, value in expected["weights"].items():
        assert torch.allclose(found["weights"][name].double(), value.double(), rtol=1e-4, atol=1e-6), name
    for one, other in zip(found["records"], expected["records"], strict=True):
        assert one["phase"] == other["phase"]
        assert figures_of(one) == pytest.approx(figures_of(other), rel=1e-4)


def figures_of(record):
    return {name: value for name, value in record.items() if name != "phase"}


def saved(folder, recipe, count=2):
    return [torch.load(folder / f"{recipe} {rank}.pt") for rank in range(count)]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    result = torchrun(folder, "to the end", *SHARED, "no memory", "without measure")
    assert result.returncode == 0, result.stderr
    (folder / "stderr").write_text(result.stderr)
    return folder


@pytest.mark.parametrize("recipe", SHARED)
def test_two_processes_come_to_the_weights_and_figures_of_one(together, recipe):
    assert_same(saved(together, recipe)[0], alone(recipe))


@pytest.mark.parametrize("recipe", SHARED)
def test_both_hold_the_same_bytes(together, recipe):
    one, other = saved(together, recipe)

    assert all(torch.equal(value, other["weights"][name]) for name, value in one["weights"].items())
    assert one["records"] == other["records"]


@pytest.mark.parametrize("recipe", SHARED)
def test_only_the_first_writes_checkpoints(together, recipe):
    assert list((together / f"{recipe} 0 checkpoints").glob("*.pt"))
    assert not (together / f"{recipe} 1 checkpoints").exists()


def test_a_training_that_blows_up_ends_in_all_processes_and_names_the_same_nodules(together):
    said = [each["said"] for each in saved(together, "without measure")]
    one, other = (text.partition(" or lower the learning rate")[0] for text in said)

    assert "The batch held the nodules train-" in one
    assert one == other


def test_memory_missing_in_one_halves_the_micro_batches_of_all_and_the_first_says_so(together):
    line = "not enough memory in epoch 1, step 1: batches go through in 2 micro-batches from now on"

    assert (together / "stderr").read_text().count(line) == 2  # of two trainings, one line each


def test_where_one_image_for_each_process_is_too_much_all_end_with_what_to_do(together):
    one, other = (each["said"] for each in saved(together, "no memory"))

    assert re.search(r"not enough memory in epoch 1, step 1, with . images in 2 micro-batches\. Take", one)
    assert one == other


@pytest.mark.slow
def test_three_processes_too_come_to_the_weights_of_one(tmp_path):
    recipes = [recipe for recipe in SHARED if recipe != "little memory"]
    result = torchrun(tmp_path, "to the end", *recipes, count=3)

    assert result.returncode == 0, result.stderr
    for recipe in recipes:
        assert_same(saved(tmp_path, recipe, count=3)[2], alone(recipe))


@pytest.mark.slow
def test_all_stop_after_the_same_step_when_one_is_asked_and_one_process_goes_on(tmp_path):
    recipe = "whole images"

    result = torchrun(tmp_path, "stopped", recipe)

    assert result.returncode == 0, result.stderr
    said = [each["said"] for each in saved(tmp_path, recipe)]
    assert said[0] == said[1]
    assert "in epoch 2, after step 3" in said[0]
    found = alone(recipe, checkpoints=Checkpoints(tmp_path / f"{recipe} 0 checkpoints", "f"))
    assert_same(found, alone(recipe))


@pytest.mark.slow
def test_when_one_is_killed_the_other_says_so_and_ends_within_a_minute(tmp_path):
    started = time.monotonic()
    result = torchrun(tmp_path, "killed", "whole images")

    assert time.monotonic() - started < 60
    assert result.returncode != 0
    said = torch.load(tmp_path / "whole images 0.pt")["said"]
    assert "another of the 2 processes of this training has ended" in said
    assert "goes on from the last checkpoint" in said
    assert list((tmp_path / "whole images 0 checkpoints").glob("00001-*.pt"))


def test_alone_a_process_is_the_first_and_asks_nobody():
    values = torch.ones(3)
    ALONE.add_up([values])

    assert ALONE.first
    assert values.tolist() == [1, 1, 1]
    assert [ALONE.any(mine) for mine in (True, False)] == [True, False]
    assert ALONE.from_first(lambda: 5) == 5


def test_an_error_that_is_not_of_the_connection_stays_what_it_is():
    with pytest.raises(RuntimeError, match="shapes"), Processes(0, 2).together():
        raise RuntimeError("shapes cannot be multiplied")


def test_a_lost_connection_is_told_in_words():
    with pytest.raises(ServiceError, match="another of the 2 processes"), Processes(1, 2).together():
        raise RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:30212")
