import shutil

import numpy as np
import pandas as pd
import pytest
from report_files import BACKBONES, outlier_paths, write_inputs
from threadpoolctl import threadpool_info

from lungml.embeddings import Embeddings, read_embeddings, write_embeddings
from lungml.errors import InputError, ParamsError
from lungml.exclusions import exclude, parse_exclusions, record_of
from lungml.files import write_json
from lungml.imaging.store import read_store, write_store
from lungml.outliers import DETECTORS
from lungml.params.model import OutlierParams
from lungml.params.scope import ScopeParams
from lungml.stages import outliers
from lungml.tables import OUTLIERS, SPLIT, read_table, write_table
from lungml.terms import Task, View

PARAMS = OutlierParams(backbone=BACKBONES[0], trees=20)
ONE_VIEW = ScopeParams(views=("slice",), tasks={Task.SLICE_BINARY: View.SLICE})
INFO = {"view": "slice", "params": {}, "data_sha256": "a" * 64}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("outliers")
    write_inputs(root)
    return root


@pytest.fixture(scope="module")
def out(inputs):
    outliers.run(PARAMS, ScopeParams(), **outlier_paths(inputs), out=inputs / "out")
    return inputs / "out"


@pytest.fixture
def project(inputs, tmp_path):
    """A copy of the inputs that a test may change."""
    for name in ("data", "reports"):
        shutil.copytree(inputs / name, tmp_path / "project" / name)
    return tmp_path / "project"


def test_every_nodule_of_every_part_has_scores_and_its_own_rank(inputs, out):
    split = read_table(inputs / "data/split.parquet", SPLIT)

    for view in View:
        table = read_table(out / f"{view}.parquet", OUTLIERS)
        assert table["nodule_id"].tolist() == sorted(split["nodule_id"])
        assert sorted(table["rank"]) == list(range(1, len(split) + 1))
        assert np.isfinite(table[[*DETECTORS, "unusual", "tsne_x", "tsne_y"]]).all(axis=None)
        assert set(table["detector"]) <= set(DETECTORS)
        assert (out / f"{view}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"{view}.html").read_text().startswith("<!doctype html>")


def test_equal_inputs_give_equal_bytes(inputs, out):
    outliers.run(PARAMS, ScopeParams(), **outlier_paths(inputs), out=inputs / "again")

    for path in out.iterdir():
        assert path.read_bytes() == (inputs / "again" / path.name).read_bytes(), path.name


def test_sums_run_on_one_thread_whatever_the_machine_has(inputs, monkeypatch):
    threads = []

    def spy(features, params):
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return np.zeros((len(features), 2))

    monkeypatch.setattr(outliers, "tsne_coordinates", spy)
    outliers.run(PARAMS, ONE_VIEW, **outlier_paths(inputs), out=inputs / "spied")

    assert set(threads) == {1}


def test_a_planted_image_of_another_kind_ranks_first(project):
    folder = project / "data/embeddings" / PARAMS.backbone
    found = read_embeddings(folder, View.NODULE)
    vectors = found.by_depth[1.0].copy()
    vectors[17] += 12.0
    changed = Embeddings(found.backbone, found.weights, found.nodule_ids, {**found.by_depth, 1.0: vectors})
    write_embeddings(folder, View.NODULE, changed)

    outliers.run(PARAMS, ScopeParams(), **outlier_paths(project), out=project / "out")

    table = read_table(project / "out/nodule.parquet", OUTLIERS).set_index("rank")
    assert table.loc[1, "nodule_id"] == found.nodule_ids[17]


def test_a_planted_blank_view_ranks_first_and_is_suggested_with_its_reason(project):
    store = read_store(project / "data/views/slice")
    images_hu = np.array(store.images_hu)
    images_hu[11] = -1000
    write_store(
        project / "data/views/slice", images_hu=images_hu, masks=store.masks, items=store.items, info=INFO
    )

    outliers.run(PARAMS, ONE_VIEW, **outlier_paths(project), out=project / "out")

    first = read_table(project / "out/slice.parquet", OUTLIERS).set_index("rank").loc[1]
    assert (first["nodule_id"], first["detector"]) == (store.items["nodule_id"][11], "image")
    suggested = pd.read_csv(project / "out/suggested.csv")
    assert suggested.loc[0, ["nodule_id", "reason"]].tolist() == [first["nodule_id"], first["reason"]]


def test_suggested_lines_hold_each_nodule_once_and_are_refused_until_a_person_has_filled_them_in(inputs, out):
    split = read_table(inputs / "data/split.parquet", SPLIT)
    suggested = pd.read_csv(out / "suggested.csv")
    first = (out / "suggested.csv").read_text().splitlines()[1]

    copied = parse_exclusions(f"nodule_id,reason,reviewer,date\n{first}\n")

    assert 30 <= len(suggested) <= 60
    assert suggested["nodule_id"].is_unique
    assert suggested["rank"].is_monotonic_increasing
    with pytest.raises(
        InputError, match=r"reviewer is empty.*date is empty.*the reason is not `kind: words`"
    ):
        exclude(split, copied)


def test_an_excluded_nodule_fits_nothing_and_is_shown(project, inputs, out):
    split = read_table(project / "data/split.parquet", SPLIT)
    nodule = split.loc[split["part"] == "train", "nodule_id"].iloc[0]
    listed = parse_exclusions(f"nodule_id,reason,reviewer,date\n{nodule},blank: nothing,AB,2026-03-01")
    write_table(project / "data/split.parquet", exclude(split, listed), SPLIT)
    write_json(project / "reports/split/excluded.json", record_of(split, listed))

    outliers.run(PARAMS, ScopeParams(), **outlier_paths(project), out=project / "out")

    table = read_table(project / "out/slice.parquet", OUTLIERS).set_index("nodule_id")
    before = read_table(out / "slice.parquet", OUTLIERS).set_index("nodule_id")
    assert table.loc[nodule, "part"] == "excluded"
    assert (table["knn"] != before["knn"]).any()
    page = (project / "out/slice.html").read_text()
    assert "1 nodule is excluded by the reviewed list: blank (1 of train)." in page
    assert "No nodule is excluded." in (out / "slice.html").read_text()


def test_of_neighbouring_planes_the_middle_one_is_looked_at(project, inputs, out):
    for view in View:
        store = read_store(project / "data/views" / view)
        planes = np.concatenate([store.images_hu - 500, store.images_hu, store.images_hu + 500], axis=1)
        write_store(
            project / "data/views" / view, images_hu=planes, masks=store.masks, items=store.items, info=INFO
        )

    outliers.run(PARAMS, ONE_VIEW, **outlier_paths(project), out=project / "out")

    assert (project / "out/slice.parquet").read_bytes() == (out / "slice.parquet").read_bytes()


def test_a_backbone_without_embeddings_is_named_with_those_that_have_them(inputs, tmp_path):
    with pytest.raises(ParamsError, match=r"densenet121.*mobilenetv3_small_050, resnet10t"):
        outliers.run(
            OutlierParams(backbone="densenet121"),
            ScopeParams(),
            **outlier_paths(inputs),
            out=tmp_path / "out",
        )


def test_a_nodule_without_embedding_stops_the_stage(project):
    folder = project / "data/embeddings" / PARAMS.backbone
    found = read_embeddings(folder, View.SLICE)
    fewer = {depth: vectors[:-1] for depth, vectors in found.by_depth.items()}
    write_embeddings(
        folder, View.SLICE, Embeddings(found.backbone, found.weights, found.nodule_ids[:-1], fewer)
    )

    with pytest.raises(InputError, match=f"1 nodules.*{found.nodule_ids[-1]}"):
        outliers.run(PARAMS, ScopeParams(), **outlier_paths(project), out=project / "out")
    assert not (project / "out").exists()
