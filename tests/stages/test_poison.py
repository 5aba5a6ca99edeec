"""V04: stages that fit or choose are run with the test part replaced by noise, and give the same bytes.

For finetune, screen and embed see their own tests.
"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from report_files import BACKBONES, outlier_paths
from report_files import write_inputs as write_project
from training_examples import AUGMENT, write_inputs

from lungml.embeddings import read_embeddings, write_embeddings
from lungml.files import sha256_file
from lungml.imaging.store import ITEMS
from lungml.outliers import DETECTORS
from lungml.params.data import IntensityParams
from lungml.params.model import OutlierParams, RecipeParams, TuneParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.params.space import Range, Space
from lungml.stages import outliers, tune
from lungml.tables import OUTLIERS, SPLIT, read_table, write_table
from lungml.terms import Task, View

SPACE = Space(
    {
        "batch_size": (15,),
        "optimizer": ("adamw",),
        "learning_rate": Range(low=1e-3, high=1e-2, scale="log"),
        "head": ("linear",),
    }
)


def poison_views(folder, nodule_ids):
    """Noise instead of the images of these nodules, with the checksum put right."""
    items = read_table(folder / "items.parquet", ITEMS)
    images = np.load(folder / "images.npy")
    rows = items["nodule_id"].isin(nodule_ids).to_numpy()
    images[rows] = np.random.default_rng(0).integers(-1000, 3000, images[rows].shape)
    np.save(folder / "images.npy", images)
    info = json.loads((folder / "store.json").read_text())
    info["sha256"]["images.npy"] = sha256_file(folder / "images.npy")
    (folder / "store.json").write_text(json.dumps(info))


def poison_split(path):
    """The other class for nodules of test; returns their ids."""
    split = read_table(path, SPLIT)
    test = split["part"] == "test"
    split.loc[test, "binary"] = 1 - split.loc[test, "binary"]
    write_table(path, split, SPLIT)
    return split.loc[test, "nodule_id"].tolist()


@pytest.fixture
def searched(tmp_path):
    """Run the search in a folder of this name, poisoned or not; returns what it wrote."""

    def run(name, *, poisoned):
        folder = tmp_path / name
        folder.mkdir()
        views, split = write_inputs(folder)
        if poisoned:
            poison_views(views, poison_split(split))
        params = TuneParams(
            backbone="mobilenetv3_small_050",
            trials=2,
            epochs=1,
            recipe=RecipeParams(augment=AUGMENT),
            space=SPACE,
        )
        tune.run(
            params, WeightsParams(), IntensityParams(), task=Task.NODULE_BINARY, screen=folder / "none",
            views=views, split=split, out=folder / "out",
        )  # fmt: skip
        return [(folder / "out" / file).read_bytes() for file in ("best.json", "trials.csv")]

    return run


def test_the_search_does_not_see_the_test_part(searched):
    assert searched("clean", poisoned=False) == searched("dirty", poisoned=True)


def test_outlier_scores_of_train_do_not_see_the_test_part(tmp_path):
    write_project(tmp_path / "clean")
    shutil.copytree(tmp_path / "clean", tmp_path / "dirty")
    dirty = tmp_path / "dirty"
    test = poison_split(dirty / "data/split.parquet")
    folder = outlier_paths(dirty)["embeddings"] / BACKBONES[0]
    for view in View:
        poison_views(outlier_paths(dirty)["views"] / view, test)
        found = read_embeddings(folder, view)
        rows = np.isin(found.nodule_ids, test)[:, None]
        noise = np.random.default_rng(0)
        dirtied = {
            depth: np.where(rows, noise.normal(0, 100, values.shape), values)
            for depth, values in found.by_depth.items()
        }
        write_embeddings(folder, view, replace(found, by_depth=dirtied))

    params = OutlierParams(backbone=BACKBONES[0], trees=20)
    tables = []
    for root in (tmp_path / "clean", dirty):
        outliers.run(params, ScopeParams(), **outlier_paths(root), out=root / "out")
        table = read_table(root / "out" / "slice.parquet", OUTLIERS)
        tables.append(table[~table["nodule_id"].isin(test)].reset_index(drop=True))

    split = read_table(dirty / "data/split.parquet", SPLIT).set_index("nodule_id")
    train = tables[0]["nodule_id"].map(split["part"]) == "train"
    scores = [*DETECTORS, "unusual", "detector", "reason"]
    assert tables[0].loc[train, scores].equals(tables[1].loc[train, scores])
