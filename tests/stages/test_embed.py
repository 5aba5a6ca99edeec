from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lungml.embeddings import read_embeddings
from lungml.errors import InputError, ModelError
from lungml.files import sha256_file
from lungml.imaging.store import write_store
from lungml.params.data import IntensityParams
from lungml.params.model import EmbedParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.stages.embed import run
from lungml.tables import SPLIT, write_table
from lungml.terms import Task, View

BACKBONE = "mobilenetv3_small_050"
IDS = [f"n{number:02}" for number in range(40)]
N_TRAIN = 30


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    torch.set_num_threads(1)


def write_inputs(root: Path, test_shift_hu: int = 0) -> Path:
    """Two stores of 40 noise images each, the last ten of the test part, and the split."""
    rng = np.random.default_rng(0)
    images_hu = rng.integers(-900, 200, (40, 1, 32, 32)).astype(np.int16)
    images_hu[N_TRAIN:] += test_shift_hu
    items = pd.DataFrame(
        {"nodule_id": IDS, "patient_id": IDS, "series_uid": "1", "z_index": 0, "pixel_spacing_mm": 1.0}
    )
    for view in View:
        write_store(
            root / "views" / view.value,
            images_hu=images_hu,
            masks=np.zeros((40, 32, 32), bool),
            items=items,
            info={"view": view.value},
        )
    parts = np.where(np.arange(40) < N_TRAIN, "train", "test")
    split = {
        "nodule_id": IDS,
        "patient_id": IDS,
        "score": 3.0,
        "binary": 0,
        "five": 2,
        "part": parts,
        "fold": 0,
    }
    write_table(root / "split.parquet", pd.DataFrame(split), SPLIT)
    return root


def embed(
    root: Path,
    out: str = "out",
    weights: WeightsParams | None = None,
    scope: ScopeParams | None = None,
) -> Path:
    run(
        EmbedParams(depths=(0.5, 1.0)),
        weights or WeightsParams(seed=3),
        IntensityParams(),
        scope or ScopeParams(),
        backbone=BACKBONE,
        views=root / "views",
        split=root / "split.parquet",
        out=root / out,
    )
    return root / out


def test_every_nodule_of_both_views_has_an_embedding_at_each_depth(tmp_path):
    out = embed(write_inputs(tmp_path))

    for view in View:
        found = read_embeddings(out, view)
        assert found.nodule_ids == tuple(IDS)
        assert (found.backbone, found.weights) == (BACKBONE, "random")
        assert {depth: len(vectors) for depth, vectors in found.by_depth.items()} == {0.5: 40, 1.0: 40}
        assert found.by_depth[1.0].std(axis=0).max() > 0


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


def test_weights_that_cannot_be_had_stop_the_stage_and_leave_nothing(tmp_path):
    root = write_inputs(tmp_path)

    with pytest.raises(ModelError, match="cannot be had"):
        embed(root, weights=WeightsParams(source="pretrained", folder=tmp_path))
    assert not (root / "out").exists()


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
