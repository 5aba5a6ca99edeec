from __future__ import annotations

import subprocess
import sys

import pytest
import timm
import torch
from shared_data import SHARED_DATA, needs_shared_data

from lungml.errors import ParamsError
from lungml.files import sha256_file
from lungml.models.table import BACKBONES, find_backbone
from lungml.params.backbones import BACKBONE_NAMES


@pytest.mark.parametrize("name", BACKBONES)
def test_the_table_agrees_with_timm(name):
    row = BACKBONES[name]
    architecture, tag = row.timm_name.split(".")
    with torch.device("meta"):
        network = timm.create_model(architecture, num_classes=0, in_chans=1)

    assert sum(parameter.numel() for parameter in network.parameters()) == row.parameters
    if row.hub:
        weights = timm.get_pretrained_cfg(row.timm_name)
        assert weights.tag == tag
        assert weights.hf_hub_id == f"timm/{row.timm_name}"
        assert weights.input_size[1] == row.input_px
        assert (weights.mean, weights.std) == (row.mean, row.std)
        assert weights.license == row.licence.lower()


def test_the_four_of_the_seed_study_are_in_the_table():
    assert {"convnext_tiny", "densenet121", "efficientnet_b4", "mobilenetv2_100"} <= set(BACKBONES)


def test_there_is_a_token_model_and_a_choice_of_small_ones():
    assert sum(row.tokens for row in BACKBONES.values()) >= 1
    assert sum(row.parameters < 6e6 for row in BACKBONES.values()) >= 8


def test_the_names_that_parameters_may_have_are_those_of_the_table():
    assert tuple(BACKBONES) == BACKBONE_NAMES


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(ParamsError, match="did you mean resnet10t"):
        find_backbone("resnet10")


@needs_shared_data
def test_the_checksum_in_the_table_is_that_of_the_file():
    row = BACKBONES["mobilenetv2_100_coral"]

    assert sha256_file(SHARED_DATA / f"weights/{row.timm_name}.safetensors") == row.sha256


def test_reading_the_table_needs_neither_torch_nor_timm():
    code = "import sys, lungml.models.table; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
