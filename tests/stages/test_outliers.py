import shutil

import numpy as np
import pytest
from report_files import BACKBONES, input_paths, write_inputs
from threadpoolctl import threadpool_info

from lungml.embeddings import Embeddings, read_embeddings, write_embeddings
from lungml.errors import InputError, ParamsError
from lungml.params.model import OutlierParams
from lungml.params.scope import ScopeParams
from lungml.stages import outliers
from lungml.tables import OUTLIERS, SPLIT, read_table
from lungml.terms import View

PARAMS = OutlierParams(backbone=BACKBONES[0], trees=20)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("outliers")
    write_inputs(root)
    return root


@pytest.fixture(scope="module")
def out(inputs):
    outliers.run(PARAMS, ScopeParams(), **input_paths(inputs), out=inputs / "out")
    return inputs / "out"


def test_every_nodule_of_every_part_has_scores_and_its_own_rank(inputs, out):
    split = read_table(inputs / "data/split.parquet", SPLIT)

    for view in View:
        table = read_table(out / f"{view}.parquet", OUTLIERS)
        assert table["nodule_id"].tolist() == sorted(split["nodule_id"])
        assert sorted(table["rank"]) == list(range(1, len(split) + 1))
        assert np.isfinite(table[["knn", "mahalanobis", "isolation", "tsne_x", "tsne_y"]]).all(axis=None)
        assert (out / f"{view}.png").read_bytes().startswith(b"\x89PNG")


def test_equal_inputs_give_equal_bytes(inputs, out):
    outliers.run(PARAMS, ScopeParams(), **input_paths(inputs), out=inputs / "again")

    for path in out.iterdir():
        assert path.read_bytes() == (inputs / "again" / path.name).read_bytes(), path.name


def test_sums_run_on_one_thread_whatever_the_machine_has(inputs, monkeypatch):
    threads = []

    def spy(features, params):
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return np.zeros((len(features), 2))

    monkeypatch.setattr(outliers, "tsne_coordinates", spy)
    outliers.run(PARAMS, ScopeParams(), **input_paths(inputs), out=inputs / "spied")

    assert set(threads) == {1}


def test_a_planted_image_of_another_kind_ranks_first(inputs, tmp_path):
    root = shutil.copytree(inputs / "data", tmp_path / "data").parent
    folder = root / "data/embeddings" / PARAMS.backbone
    found = read_embeddings(folder, View.NODULE)
    vectors = found.by_depth[1.0].copy()
    vectors[17] += 12.0
    changed = Embeddings(found.backbone, found.weights, found.nodule_ids, {**found.by_depth, 1.0: vectors})
    write_embeddings(folder, View.NODULE, changed)

    outliers.run(PARAMS, ScopeParams(), **input_paths(root), out=root / "out")

    table = read_table(root / "out/nodule.parquet", OUTLIERS).set_index("rank")
    assert table.loc[1, "nodule_id"] == found.nodule_ids[17]


def test_a_backbone_without_embeddings_is_named_with_those_that_have_them(inputs, tmp_path):
    with pytest.raises(ParamsError, match=r"densenet121.*mobilenetv3_small_050, resnet10t"):
        outliers.run(
            OutlierParams(backbone="densenet121"), ScopeParams(), **input_paths(inputs), out=tmp_path / "out"
        )


def test_a_nodule_without_embedding_stops_the_stage(inputs, tmp_path):
    root = shutil.copytree(inputs / "data", tmp_path / "data").parent
    folder = root / "data/embeddings" / PARAMS.backbone
    found = read_embeddings(folder, View.SLICE)
    fewer = {depth: vectors[:-1] for depth, vectors in found.by_depth.items()}
    write_embeddings(
        folder, View.SLICE, Embeddings(found.backbone, found.weights, found.nodule_ids[:-1], fewer)
    )

    with pytest.raises(InputError, match=f"1 nodules.*{found.nodule_ids[-1]}"):
        outliers.run(PARAMS, ScopeParams(), **input_paths(root), out=root / "out")
    assert not (root / "out").exists()
