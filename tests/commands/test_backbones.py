from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner
from weights_cards import NAME, make_card

from lungml.commands.backbones import command
from lungml.models.table import BACKBONES
from lungml.models.weights_card import write_card


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Where nothing was pretrained."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_backbone_is_a_line_with_its_name_first():
    result = CliRunner().invoke(command)

    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert [line.split()[0] for line in lines[1:]] == list(BACKBONES)


def test_a_line_tells_size_licence_and_training_data():
    line = next(
        line for line in CliRunner().invoke(command).output.splitlines() if line.startswith("convnext_tiny ")
    )

    for fact in ("27.8 M", "224", "ImageNet-12k", "Apache-2.0", "convnext_tiny.in12k_ft_in1k"):
        assert fact in line


@pytest.mark.parametrize("place", ["models/pretrained", "kept"])
def test_weights_that_were_made_here_are_listed_with_what_they_were_made_from(place, elsewhere):
    folder = elsewhere / place
    folder.mkdir(parents=True)
    (folder / f"{NAME}.safetensors").touch()
    (folder / "resnet10t.safetensors").touch()  # somebody else's: no card beside it
    write_card(folder / f"{NAME}.safetensors", make_card())

    result = CliRunner().invoke(command, [] if place == "models/pretrained" else ["--folder", place])

    *_, heading, line = result.output.splitlines()
    assert heading == f"pretrained here (weights.source: pretrained, weights.folder: {place})"
    assert line.startswith(f"{NAME}  VICReg on 40 nodule views of 20 patients of the train part, 3 epochs")


def test_listing_needs_neither_torch_nor_timm():
    code = "import sys, lungml.commands.backbones; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
