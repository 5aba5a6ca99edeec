from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lungml.errors import ModelError, ParamsError
from lungml.models.compiled import ConvertedNetwork, is_worth_compiling


class MeanAndPeak(nn.Module):
    """(n, C, H, W) -> (n, C) twice."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.mean(dim=(2, 3)), images.amax(dim=(2, 3))


def test_outputs_come_in_the_order_of_the_network_and_rows_in_that_of_the_images():
    images = torch.arange(40.0).reshape(10, 1, 2, 2)

    compiled = ConvertedNetwork(MeanAndPeak(), images[:1]).compiled("float32", threads=3)
    mean, peak = compiled(images)

    assert mean[:, 0].tolist() == [4 * row + 1.5 for row in range(10)]
    assert peak[:, 0].tolist() == [4 * row + 3.0 for row in range(10)]


def test_earlier_outputs_are_not_overwritten():
    images = torch.arange(8.0).reshape(2, 1, 2, 2)
    compiled = ConvertedNetwork(MeanAndPeak(), images[:1]).compiled("float32", threads=1)

    first, _ = compiled(images)
    compiled(images + 100)

    assert first[:, 0].tolist() == [1.5, 5.5]


def test_bfloat16_keeps_two_digits():
    """1 + 2^-9 lies between two numbers of bfloat16, whose steps near 1 are 2^-7."""
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten())
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    image = torch.full((1, 1, 1, 1), 1 + 2**-9)

    converted = ConvertedNetwork(network, image)

    (halved,) = converted.compiled("bfloat16", threads=1)(image)
    (exact,) = converted.compiled("float32", threads=1)(image)

    assert exact == np.float32(1 + 2**-9)
    assert halved == pytest.approx(1.0, abs=2**-8)


class Bessel(nn.Module):
    """Has an operation that OpenVINO does not know."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.special.i1(images)


def test_a_network_that_openvino_does_not_know_is_refused_with_the_operation():
    with pytest.raises(ModelError, match=r"special_i1\); set embed\.library: torch"):
        ConvertedNetwork(Bessel(), torch.zeros(1, 1, 2, 2))


class Words(nn.Module):
    """Gives what a trace cannot hold."""

    def forward(self, images: Tensor) -> str:
        return "no tensor"


def test_a_network_that_cannot_be_traced_is_refused_too():
    with pytest.raises(ModelError, match=r"set embed\.library: torch"):
        ConvertedNetwork(Words(), torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize(
    ("asked", "device", "images", "expected"),
    [
        ("auto", "cpu", 1499, False),
        ("auto", "cpu", 1500, True),
        ("torch", "cpu", 100_000, False),
        ("openvino", "cpu", 1, True),
        ("auto", "cuda", 100_000, False),
        ("openvino", "cuda:1", 100_000, False),
    ],
)
def test_a_network_is_compiled_on_a_processor_for_many_images_or_where_asked(asked, device, images, expected):
    assert is_worth_compiling(asked, device, images) is expected


def test_without_openvino_torch_computes_unless_it_was_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)

    assert not is_worth_compiling("auto", "cpu", 100_000)
    with pytest.raises(ParamsError, match=r"embed\.library is openvino, and OpenVINO is not installed"):
        is_worth_compiling("openvino", "cpu", 100_000)


CONVERTS = """
import torch
from lungml.models.compiled import ConvertedNetwork
ConvertedNetwork(torch.nn.Flatten(), torch.zeros(1, 1, 2, 2))
"""


@pytest.mark.parametrize(("code", "is_called"), [("import openvino.tools.ovc", True), (CONVERTS, False)])
def test_openvinos_telemetry_is_not_even_loaded(tmp_path, code, is_called):
    """A package of its name notes that it was loaded; OpenVINO by itself does that."""
    note = tmp_path / "called"
    (tmp_path / "openvino_telemetry.py").write_text(f"open({str(note)!r}, 'w').close()\nraise ImportError\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])

    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, check=True)

    assert note.exists() == is_called


AFTERWARDS = """
import gc, os, signal
import torch
from torch import nn
from lungml.models.compiled import ConvertedNetwork

image = torch.zeros(1, 1, 8, 8)
first, second = (
    ConvertedNetwork(nn.Conv2d(1, 1, 3), image).compiled("float32", threads=1) for _ in range(2)
)
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_process_that_has_compiled_something_can_still_be_sent_a_signal():
    found = subprocess.run([sys.executable, "-c", AFTERWARDS], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "heard\n"), found.stderr
