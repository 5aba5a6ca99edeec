import json
import shutil

import numpy as np
import pandas as pd
import pytest
from report_files import input_paths, write_inputs
from sklearn.metrics import roc_auc_score

from lungml.embeddings import read_embeddings, write_embeddings
from lungml.errors import InputError
from lungml.evaluation.baselines import BASELINES
from lungml.evaluation.results import SUSPECT
from lungml.files import sha256_file
from lungml.imaging.store import read_store, write_store
from lungml.params.model import ScreenParams
from lungml.stages import baselines, screen
from lungml.tables import BASELINES as TABLE
from lungml.tables import NODULES, SERIES, SPLIT, read_table, write_table
from lungml.terms import Task, View

PARAMS = ScreenParams(folds=2, repeats=1, components=8)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("baselines")
    write_inputs(root, patients=60)
    for task in (Task.NODULE_BINARY, Task.SLICE_FIVE):
        screen.run(PARAMS, task=task, **input_paths(root), out=root / "screen" / task)
    return root


@pytest.fixture
def project(inputs, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(inputs, tmp_path / "project")


@pytest.mark.parametrize("task", [Task.NODULE_BINARY, Task.SLICE_FIVE])
def test_every_test_nodule_is_answered_by_every_baseline_that_can_be_had(inputs, tmp_path, task):
    answers, about = run(inputs, tmp_path / "out", task)

    test = read_table(inputs / "data/split.parquet", SPLIT).query("part == 'test'")["nodule_id"]
    assert set(answers["baseline"]) == set(BASELINES) - {"frozen_features"}
    for name, rows in answers.groupby("baseline"):
        assert sorted(rows["nodule_id"]) == sorted(test), name
        assert np.stack(rows["probabilities"]).shape == (len(test), len(task.target.class_names))
    assert about["absent"].keys() == {"frozen_features"}
    assert about["notes"]["random_features"].startswith(("resnet10t", "mobilenetv3_small_050"))


def test_the_diameter_answers_train_and_validation_without_each_nodules_own_fold(inputs, tmp_path):
    run(inputs, tmp_path / "out")

    left_out = read_table(tmp_path / "out" / "left_out.parquet", TABLE)
    split = read_table(inputs / "data/split.parquet", SPLIT).query("part != 'test' and binary >= 0")
    assert sorted(left_out["nodule_id"]) == sorted(split["nodule_id"])
    nodules = read_table(inputs / "data/index/nodules.parquet", NODULES).set_index("nodule_id")
    rows = split.set_index("nodule_id").loc[left_out["nodule_id"]]
    chances, sizes = np.stack(left_out["probabilities"])[:, 1], nodules.loc[rows.index, "diameter_mm"]
    for fold, found in pd.Series(chances, rows.index).groupby(rows["fold"]):
        order = found.sort_values().index  # one model a fold, so its answers go up or down with the size
        assert sizes[order].is_monotonic_increasing or sizes[order].is_monotonic_decreasing, fold


def test_labels_of_the_test_part_are_not_looked_at(project, tmp_path):
    before, _ = run(project, tmp_path / "before")
    split = read_table(project / "data/split.parquet", SPLIT)
    test = split["part"] == "test"
    split.loc[test, "binary"] = 1 - split.loc[test, "binary"]
    write_table(project / "data/split.parquet", split, SPLIT)

    after, _ = run(project, tmp_path / "after")

    assert after.equals(before)


def test_a_second_run_writes_the_same_bytes(inputs, tmp_path):
    run(inputs, tmp_path / "one")
    run(inputs, tmp_path / "two")

    for path in (tmp_path / "one").iterdir():
        assert sha256_file(path) == sha256_file(tmp_path / "two" / path.name)


def test_a_scanner_that_tells_the_label_is_found_by_the_metadata(project, tmp_path):
    honest = auroc_of(project, tmp_path / "honest", "metadata")
    labels = read_table(project / "data/split.parquet", SPLIT).set_index("nodule_id")["binary"]
    nodules = read_table(project / "data/index/nodules.parquet", NODULES)
    worst = nodules.assign(binary=nodules["nodule_id"].map(labels)).groupby("series_uid")["binary"].max()
    series = read_table(project / "data/index/series.parquet", SERIES)
    makers = series["series_uid"].map(worst).map({1: "Maker B", 0: "Maker A"}).fillna("Maker A")
    write_table(project / "data/index/series.parquet", series.assign(manufacturer=makers), SERIES)

    planted = auroc_of(project, tmp_path / "planted", "metadata")

    assert planted > SUSPECT
    assert planted > honest + 0.1


def test_hu_inside_the_nodule_are_seen_by_their_baseline_and_are_gone_where_it_is_erased(project, tmp_path):
    plant_dense_nodules(project)

    found = {
        name: auroc_of(project, tmp_path / "out", name) for name in ("diameter_hu", "mask_out", "background")
    }

    assert found["diameter_hu"] > 0.95
    assert max(found["mask_out"], found["background"]) < 0.8


def test_pretrained_backbones_have_a_row_beside_their_random_twins(project, tmp_path):
    for folder in (project / "data/embeddings").iterdir():
        for view in View:
            found = read_embeddings(folder, view)
            write_embeddings(folder, view, found, twin=True)
    path = project / "screen" / Task.NODULE_BINARY / "ranking.json"
    ranking = json.loads(path.read_text())
    twins = [{**cell, "tied": None} for cell in reversed(ranking["cells"])]
    path.write_text(json.dumps(ranking | {"weights": "pretrained", "twins": twins}))

    answers, about = run(project, tmp_path / "out")

    assert set(answers["baseline"]) == set(BASELINES)
    assert about["absent"] == {}
    # The twins are equal here, and so is the best of them.
    assert about["notes"]["frozen_features"] == about["notes"]["random_features"]
    ours = {name: np.stack(rows["probabilities"]) for name, rows in answers.groupby("baseline")}
    assert (ours["frozen_features"] == ours["random_features"]).all()


def test_crops_without_outlines_are_erased_by_their_diameter_and_slices_are_left_out(project, tmp_path):
    for view in View:
        forget_outlines(project / "data/views" / view)

    _, crops = run(project, tmp_path / "crops", Task.NODULE_BINARY)
    _, slices = run(project, tmp_path / "slices", Task.SLICE_FIVE)

    assert "mask_out" not in crops["absent"]
    assert set(slices["absent"]) == {"mask_out", "background", "frozen_features"}
    assert "without an outline" in slices["absent"]["mask_out"]


def test_a_split_without_test_nodules_is_refused(project, tmp_path):
    split = read_table(project / "data/split.parquet", SPLIT)
    write_table(project / "data/split.parquet", split.assign(part="train"), SPLIT)

    with pytest.raises(InputError, match="in test"):
        run(project, tmp_path / "out")


def run(root, out, task=Task.NODULE_BINARY):
    baselines.run(PARAMS, task=task, screen=root / "screen" / task, **input_paths(root), out=out)
    return read_table(out / "predictions.parquet", TABLE), json.loads((out / "baselines.json").read_text())


def auroc_of(root, out, name):
    answers, _ = run(root, out)
    rows = answers[answers["baseline"] == name]
    labels = read_table(root / "data/split.parquet", SPLIT).set_index("nodule_id")["binary"]
    return roc_auc_score(labels[rows["nodule_id"]], np.stack(rows["probabilities"])[:, 1])


def plant_dense_nodules(root):
    """Malignant nodules are 150 HU denser than benign ones, and nothing else differs."""
    folder = root / "data/views/nodule"
    store = read_store(folder)
    labels = read_table(root / "data/split.parquet", SPLIT).set_index("nodule_id")["binary"]
    denser_hu = 150 * store.items["nodule_id"].map(labels).fillna(0).to_numpy(dtype=np.int16)
    images_hu = store.images_hu + (denser_hu[:, None, None] * store.masks)[:, None]
    rewrite(folder, store, images_hu.astype(np.int16), np.array(store.masks))


def forget_outlines(folder):
    store = read_store(folder)
    rewrite(folder, store, np.array(store.images_hu), np.zeros_like(store.masks))


def rewrite(folder, store, images_hu, masks):
    info = {name: store.info[name] for name in ("view", "params", "data_sha256")}
    write_store(folder, images_hu=images_hu, masks=masks, items=store.items, info=info)
