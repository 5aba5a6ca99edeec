"""What the stage embed writes for both views, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from embedded_views import BACKBONE, IDS, N_TRAIN, embed, write_inputs

import lungml
from lungml.embeddings import read_embeddings
from lungml.errors import InputError, ParamsError
from lungml.files import sha256_file
from lungml.params.scope import ScopeParams
from lungml.stages.embed import _FORWARD_CODE
from lungml.tables import SPLIT, write_table
from lungml.terms import Task, View


def test_every_nodule_of_both_views_has_an_embedding_at_each_depth(tmp_path):
    out = embed(write_inputs(tmp_path))

    for view in View:
        found = read_embeddings(out, view)
        assert found.nodule_ids == tuple(IDS)
        assert (found.backbone, found.weights) == (BACKBONE, "random")
        assert {depth: len(vectors) for depth, vectors in found.by_depth.items()} == {0.5: 40, 1.0: 40}
        assert found.by_depth[1.0].std(axis=0).max() > 0


def test_how_many_neighbours_a_slight_change_leaves_is_kept_for_every_depth(tmp_path):
    found = read_embeddings(embed(write_inputs(tmp_path)), View.NODULE)

    assert set(found.neighbours_kept) == {0.5, 1.0}
    assert all(0 < kept <= 1 for kept in found.neighbours_kept.values())


def test_the_stage_says_that_weights_are_random(tmp_path, capsys):
    embed(write_inputs(tmp_path))

    assert f"weights of {BACKBONE}: random (seed 3)" in capsys.readouterr().err


def test_test_images_do_not_touch_the_embeddings_of_train(tmp_path):
    plain = read_embeddings(embed(write_inputs(tmp_path / "plain")), View.NODULE)
    shifted = read_embeddings(embed(write_inputs(tmp_path / "shifted", test_shift_hu=150)), View.NODULE)

    for depth in (0.5, 1.0):
        assert np.allclose(plain.by_depth[depth][:20], shifted.by_depth[depth][:20], atol=1e-6)
        assert not np.allclose(plain.by_depth[depth][N_TRAIN:], shifted.by_depth[depth][N_TRAIN:], atol=1e-6)


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    root = write_inputs(tmp_path)

    first, again = embed(root, "first"), embed(root, "again")

    for file in first.iterdir():
        assert sha256_file(file) == sha256_file(again / file.name)


def test_a_split_of_other_nodules_is_refused(tmp_path):
    root = write_inputs(tmp_path)
    split = pd.read_parquet(root / "split.parquet").assign(
        nodule_id=[f"x{number:02}" for number in range(40)]
    )
    write_table(root / "split.parquet", split, SPLIT)

    with pytest.raises(InputError, match="have no view"):
        embed(root)


def test_a_view_out_of_scope_is_not_embedded(tmp_path):
    nodule = ScopeParams(views=(View.NODULE,), tasks={Task.NODULE_BINARY: View.NODULE})

    out = embed(write_inputs(tmp_path), scope=nodule)

    assert {path.stem for path in out.iterdir()} == {"nodule"}


def test_the_code_that_makes_embeddings_is_where_the_stage_looks_for_it():
    assert all((Path(lungml.__file__).parent / name).is_file() for name in _FORWARD_CODE)


def test_a_device_that_is_not_there_stops_the_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_DEVICE", "cuda:64")

    with pytest.raises(ParamsError, match="LUNGML_DEVICE is cuda:64"):
        embed(write_inputs(tmp_path))
