from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner

from lungml.commands.backbones import command
from lungml.models.table import BACKBONES


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


def test_listing_needs_neither_torch_nor_timm():
    code = "import sys, lungml.commands.backbones; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
