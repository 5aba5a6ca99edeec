"""Embeddings of pretrained and of random weights, and what makes them anew."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from embedded_views import BACKBONE, embed, write_inputs
from safetensors.torch import save_file

from lungml.embeddings import has_twin, read_embeddings
from lungml.errors import ModelError
from lungml.files import sha256_file
from lungml.models.backbones import build_backbone
from lungml.params.data import IntensityParams
from lungml.params.model import WeightsParams
from lungml.tables import SPLIT, write_table
from lungml.terms import View


@pytest.fixture
def trained(tmp_path) -> WeightsParams:
    """Pretrained weights in a folder: of the three-channel network, and not those of the seed."""
    torch.manual_seed(11)
    network = timm.create_model(BACKBONE, num_classes=1000)
    (tmp_path / "weights").mkdir()
    save_file(network.state_dict(), tmp_path / "weights" / f"{BACKBONE}.safetensors")
    return WeightsParams(source="pretrained", folder=tmp_path / "weights", seed=3)


def test_weights_that_cannot_be_had_stop_the_stage_and_leave_nothing(tmp_path):
    root = write_inputs(tmp_path)

    with pytest.raises(ModelError, match="cannot be had"):
        embed(root, weights=WeightsParams(source="pretrained", folder=tmp_path))
    assert not (root / "out").exists()


def test_pretrained_embeddings_have_a_twin_with_random_weights_that_saw_the_same_pixels(tmp_path, trained):
    root = write_inputs(tmp_path)

    out = embed(root, weights=trained)

    found, twin = (read_embeddings(out, View.NODULE, twin=twin) for twin in (False, True))
    assert (found.weights, twin.weights) == ("pretrained", "random")
    assert twin.weights_note == "random (seed 3)"
    assert found.weights_sha256 == sha256_file(trained.folder / f"{BACKBONE}.safetensors")
    assert twin.weights_sha256 == ""
    assert found.nodule_ids == twin.nodule_ids
    assert not np.allclose(found.by_depth[0.5], twin.by_depth[0.5], rtol=0.1)


def test_no_twin_is_made_of_random_weights_or_where_none_is_wanted(tmp_path, trained):
    root = write_inputs(tmp_path)

    assert not has_twin(embed(root), View.NODULE)
    assert not has_twin(embed(root, weights=trained, twins=False), View.NODULE)


def test_pretrained_embeddings_do_not_depend_on_what_is_in_train(tmp_path, trained):
    root = write_inputs(tmp_path)
    before = read_embeddings(embed(root, "before", weights=trained), View.NODULE)
    split = pd.read_parquet(root / "split.parquet")
    write_table(root / "split.parquet", split.assign(part=split["part"].to_numpy()[::-1]), SPLIT)

    after = read_embeddings(embed(root, "after", weights=trained), View.NODULE)

    assert (before.by_depth[1.0] == after.by_depth[1.0]).all()


def test_z_scored_pixels_into_pretrained_weights_stop_the_stage_and_leave_nothing(tmp_path, trained):
    root = write_inputs(tmp_path)

    with pytest.raises(
        ModelError, match=r"trained on pixels of -2\.12 to 2\.64 .* intensity\.scaling: window"
    ):
        embed(root, weights=trained, intensity=IntensityParams(scaling="z-score"))
    assert not (root / "out").exists()


def test_z_scored_pixels_may_go_into_random_weights(tmp_path):
    out = embed(write_inputs(tmp_path), intensity=IntensityParams(scaling="z-score"))

    assert read_embeddings(out, View.SLICE).weights == "random"


@pytest.fixture
def counted(monkeypatch):
    """Names of the networks that were built."""
    built = []

    def build(name, **options):
        built.append(options["weights"].source)
        return build_backbone(name, **options)

    monkeypatch.setattr("lungml.stages.embed.build_backbone", build)
    return built


def test_embeddings_of_unchanged_content_are_not_computed_again(tmp_path, trained, counted):
    root = write_inputs(tmp_path / "project")
    first = embed(root, weights=trained)
    bytes_before = {file.name: sha256_file(file) for file in first.iterdir()}
    assert counted == ["pretrained", "random"] * 2

    again = embed(root, weights=trained)

    assert counted == ["pretrained", "random"] * 2
    assert {file.name: sha256_file(file) for file in again.iterdir()} == bytes_before


def test_other_weights_views_scaling_or_precision_are_embedded_anew(tmp_path, counted):
    root = write_inputs(tmp_path / "project")
    embed(root)
    changes = (
        {"weights": WeightsParams(seed=4)},
        {"intensity": IntensityParams(window_hu=(-900.0, 300.0))},
        {"precision": "bfloat16"},
    )
    for number, change in enumerate(changes, start=2):
        embed(root, **change)
        assert len(counted) == 2 * number

    write_inputs(root, test_shift_hu=150)
    embed(root, **changes[-1])
    assert len(counted) == 2 * (len(changes) + 2)


def test_embeddings_that_were_kept_may_be_deleted(tmp_path):
    root = write_inputs(tmp_path / "project")
    first = {file.name: sha256_file(file) for file in embed(root).iterdir()}

    shutil.rmtree(tmp_path / "project-cache")

    assert {file.name: sha256_file(file) for file in embed(root).iterdir()} == first
