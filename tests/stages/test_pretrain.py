from __future__ import annotations

import hashlib
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from finetune_runs import poison_images
from pretrain_runs import NAME, SHORT, SMALL, contents, run, write_project
from safetensors.torch import load_file

from lungml.embeddings import read_embeddings
from lungml.errors import InterruptedRunError
from lungml.files import sha256_file
from lungml.imaging.intensity import normalise
from lungml.imaging.store import read_store
from lungml.models.backbones import build_backbone, describe_weights
from lungml.models.depths import embed_batches
from lungml.models.weights_card import read_card
from lungml.params.data import IntensityParams
from lungml.params.model import EmbedParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.stages import embed, pretrain
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import Task, View


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return run(tmp_path_factory.mktemp("pretrain"))


@pytest.fixture
def use(done):
    return WeightsParams(source="pretrained", folder=done[0], seed=9)


def test_it_writes_weights_with_a_card_and_a_history_with_a_curve(done):
    assert set(contents(*done)) == {
        (0, f"{NAME}.safetensors"),
        (0, f"{NAME}.json"),
        (0, "made.json"),
        (1, f"{NAME}/history.csv"),
        (1, f"{NAME}/curve.png"),
        (1, "summary.json"),
    }
    history = pd.read_csv(done[1] / NAME / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert not {"seconds", "images_per_s"} & set(history.columns)


def test_the_card_tells_what_was_read_and_no_other_part_was(done):
    card = read_card(done[0] / f"{NAME}.safetensors")

    assert card.read["read"] == {"train": 30, "val": 0, "test": 0}
    assert (card.images, card.patients, card.view) == (30, 15, "nodule")
    assert card.weights_sha256 == sha256_file(done[0] / f"{NAME}.safetensors")
    assert card.lineage["data_sha256"] == "d" * 64
    assert card.start == "random (seed 20250301)"


def test_the_weights_are_loaded_as_pretrained_ones_and_are_not_those_of_the_start(done, use):
    loaded = build_backbone(NAME, in_channels=1, weights=use).state_dict()
    written = load_file(done[0] / f"{NAME}.safetensors")
    start = build_backbone(NAME, in_channels=1, weights=SMALL.start).state_dict()

    assert all(torch.equal(loaded[name], written[name]) for name in written)
    assert set(loaded) == set(written)
    assert not torch.equal(loaded["conv_stem.weight"], start["conv_stem.weight"])


def embed_nodules(root, weights, out):
    embed.run(
        EmbedParams(backbones=(NAME,), depths=(1.0,), twins=False),
        weights,
        IntensityParams(),
        ScopeParams(views=(View.NODULE,), tasks={Task.NODULE_BINARY: View.NODULE}),
        backbone=NAME,
        views=root / "stores",
        split=root / "split.parquet",
        out=out / NAME,
    )
    return read_embeddings(out / NAME, View.NODULE)


def test_embedding_with_them_gives_the_features_of_the_written_network(done, use, tmp_path):
    root, file = done[0].parent.parent, done[0] / f"{NAME}.safetensors"

    found = embed_nodules(root, use, tmp_path)

    network = build_backbone(NAME, in_channels=1, weights=WeightsParams(seed=1))
    network.load_state_dict(load_file(file))
    images_hu = torch.from_numpy(read_store(root / "stores/nodule").images_hu.copy())
    images = normalise(images_hu, read_card(file).normalisation)
    expected = embed_batches(network, [images], [1.0])[1.0]
    assert np.abs(found.by_depth[1.0] - expected).max() < 1e-4 * np.abs(expected).max()
    assert (found.weights, found.weights_note) == ("pretrained", describe_weights(NAME, use))
    assert found.weights_sha256 == sha256_file(file)


def test_embedding_says_what_they_are_and_asks_for_no_checksum(done, use, tmp_path, capsys):
    embed_nodules(done[0].parent.parent, use, tmp_path)

    said = capsys.readouterr().err
    assert "VICReg on 30 nodule views of 15 patients" in said
    assert "lungml weights fetch" not in said


def test_it_is_the_same_again_byte_for_byte(done):
    assert contents(*run(done[0].parent.parent, name="again")) == contents(*done)


def test_a_stopped_training_goes_on_to_the_same_bytes(done, monkeypatch):
    root = done[0].parent.parent

    def stop_after_first_epoch(text):
        if "epoch 1 of 2" in text:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(pretrain, "say", stop_after_first_epoch)
        with pytest.raises(InterruptedRunError) as stopped:
            run(root, name="resumed")
    assert stopped.value.exit_code == 75
    assert not (root / "models" / "resumed").exists()
    assert (root / "models" / ".resumed.work" / NAME).is_dir()

    assert contents(*run(root, name="resumed")) == contents(*done)
    assert not (root / "models" / ".resumed.work").exists()


def test_validation_and_test_images_and_all_labels_change_nothing(done, tmp_path):
    root = write_project(tmp_path)
    split = read_table(root / "split.parquet", SPLIT)
    others = (split["part"] != "train").to_numpy()
    write_table(root / "split.parquet", split.assign(binary=1 - split["binary"], five=0), SPLIT)
    poison_images(root / "stores" / "nodule", others)

    weights, log = run(root)

    for folder, before, name in (
        (weights, done[0], f"{NAME}.safetensors"),
        (log, done[1], f"{NAME}/history.csv"),
    ):
        assert (folder / name).read_bytes() == (before / name).read_bytes()


def test_nodules_without_a_label_are_looked_at_as_those_with_one(done, tmp_path):
    """As a label policy leaves them: with too few readers no class, and no score."""
    root = write_project(tmp_path)
    split = read_table(root / "split.parquet", SPLIT)
    few = (split.index % 3 == 0) & (split["part"] == "train")
    left_out = {"binary": -1, "five": -1, "score": np.nan}
    changes = {name: split[name].where(~few, value) for name, value in left_out.items()}
    write_table(root / "split.parquet", split.assign(**changes), SPLIT)

    weights, _ = run(root)

    assert few.sum() == 10
    assert read_card(weights / f"{NAME}.safetensors").images == 30
    assert (weights / f"{NAME}.safetensors").read_bytes() == (done[0] / f"{NAME}.safetensors").read_bytes()


def test_nodules_that_the_reviewed_list_takes_out_are_not_looked_at(tmp_path):
    root = write_project(tmp_path)
    split = read_table(root / "split.parquet", SPLIT)
    parts = split["part"].where(split.index >= 4, "excluded")
    write_table(root / "split.parquet", split.assign(part=parts), SPLIT)

    weights, _ = run(root, SHORT)

    assert read_card(weights / f"{NAME}.safetensors").images == 26


@pytest.mark.parametrize("views", [(View.SLICE,), (View.NODULE, View.SLICE)])
def test_slices_are_looked_at_alone_or_with_the_nodule_views(views, tmp_path):
    root = write_project(tmp_path)
    shutil.copytree(root / "stores" / "nodule", root / "stores" / "slice")
    poison_images(root / "stores" / "slice", np.arange(60))
    if views == (View.SLICE,):
        shutil.rmtree(root / "stores" / "nodule")

    weights, _ = run(root, SHORT.model_copy(update={"views": views}))

    card = read_card(weights / f"{NAME}.safetensors")
    stores = [read_store(root / "stores" / view) for view in views]
    seen = np.concatenate([store.images_hu[:30] for store in stores])
    assert card.images_sha256 == hashlib.sha256(seen.tobytes()).hexdigest()
    assert (card.images, card.patients, card.read["read"]["train"]) == (30 * len(views), 15, 30)
    assert card.view == " and ".join(views)


def test_without_a_backbone_nothing_is_read_and_the_folder_is_there(tmp_path, capsys):
    (tmp_path / "stores").mkdir()

    weights, log = run(tmp_path, SMALL.model_copy(update={"backbones": ()}))

    assert contents(weights, log) == {(0, "made.json"): b"{}\n", (1, "summary.json"): b"{}\n"}
    assert "nothing to do" in capsys.readouterr().err


def test_pretraining_can_begin_from_weights_it_made_elsewhere(done, use, tmp_path):
    start = SMALL.model_copy(update={"start": use, "epochs": 1})

    weights, _ = run(tmp_path, start)

    card = read_card(weights / f"{NAME}.safetensors")
    assert card.start == describe_weights(NAME, use)
    assert card.lineage["start_sha256"] == sha256_file(done[0] / f"{NAME}.safetensors")


def test_each_epoch_is_one_line_for_a_person(tmp_path, capsys):
    run(tmp_path)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    for word in (NAME, "epoch 1 of 2", "loss", "invariance", "deviation", "LR", "images/s", "s left"):
        assert word in lines[0]
