"""The command a person types, shared by two processes because the environment says so."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from ruamel.yaml import YAML
from safetensors.torch import load_file
from training_examples import write_inputs

ROOT = Path(__file__).parents[2]
BEST = {
    "task": "nodule-five",
    "backbone": "resnet10t",
    "batch_size": 10,
    "optimizer": "sgd",
    "learning_rate": 0.005,
    "head": "linear",
    "weighted_auprc": 0.8,
    "trials": 3,
    "pruned": 0,
}


@pytest.fixture
def project(tmp_path):
    write_inputs(tmp_path)
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "best.json").write_text(json.dumps(BEST))
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    params["tasks"][BEST["task"]]["finetune"]["epochs"] = 2
    yaml.dump(params, tmp_path / "params.yaml")
    return tmp_path


def command(out):
    paths = {"tuned": "tuned", "views": "views", "split": "split.parquet", "out": out, "log": f"{out}-log"}
    words = [word for name, value in paths.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "lungml", "finetune", "--task", "nodule-five", *words]


def environment(processes):
    return os.environ | {
        "LUNGML_PROCESSES": str(processes),
        "LUNGML_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONPATH": str(ROOT),
    }


def finetune(project, processes, out):
    result = subprocess.run(
        command(out), cwd=project, env=environment(processes), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return load_file(project / out / "weights.safetensors"), result.stderr


def assert_close(found, expected):
    for name, value in expected.items():
        assert torch.allclose(found[name].double(), value.double(), rtol=1e-2, atol=1e-3), name


@pytest.mark.slow
def test_two_processes_write_one_model_and_it_is_that_of_one_process(project):
    expected, _ = finetune(project, 1, "one")

    found, said = finetune(project, 2, "two")

    assert_close(found, expected)
    assert said.count("epoch 3 of 3") == 1
    assert not list(project.glob(".two.work"))


@pytest.mark.slow
def test_asked_to_stop_they_save_and_the_same_command_goes_on(project):
    with subprocess.Popen(
        command("two"), cwd=project, env=environment(2), stderr=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "epoch 1 of 3" in line:
                process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert process.returncode == 75, "".join(lines)
    assert not (project / "two").exists()
    assert list((project / ".two.work").rglob("*.pt"))

    found, _ = finetune(project, 2, "two")

    assert_close(found, finetune(project, 1, "one")[0])
    assert not psutil.Process().children(recursive=True)


@pytest.mark.slow
def test_one_killed_process_ends_the_command_within_a_minute_with_what_happened(project):
    with subprocess.Popen(
        command("two"), cwd=project, env=environment(2), stderr=subprocess.PIPE, text=True
    ) as process:
        lines, started = [], None
        for line in process.stderr:
            lines.append(line)
            if "epoch 1 of 3" in line:
                psutil.Process(process.pid).children()[-1].kill()
                started = time.monotonic()
        process.wait(timeout=60)

    said = "".join(lines)
    assert time.monotonic() - started < 60
    assert process.returncode == 9, said
    assert "was ended by signal SIGKILL" in said
    assert "this is a bug" not in said
