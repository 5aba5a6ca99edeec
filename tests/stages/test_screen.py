import csv
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from report_files import input_paths, write_inputs

from lungml.embeddings import Embeddings, read_embeddings, write_embeddings
from lungml.errors import MissingInputError
from lungml.params.model import ScreenParams
from lungml.stages import screen
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import Part, Task, View

PARAMS = ScreenParams(folds=3, repeats=1, components=8)
TASK = Task.NODULE_BINARY


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("screen")
    write_inputs(root)
    return root


@pytest.fixture(scope="module")
def ranking(inputs):
    screen.run(PARAMS, task=TASK, **input_paths(inputs), out=inputs / "out")
    return json.loads((inputs / "out/ranking.json").read_text())


def test_every_backbone_and_depth_is_ranked_beside_chance_and_diameter(inputs, ranking):
    cells = [(cell["backbone"], cell["depth"]) for cell in ranking["cells"]]
    values = [cell["weighted_auprc"]["value"] for cell in ranking["cells"]]

    assert sorted(cells) == [(name, d) for name in ("mobilenetv3_small_050", "resnet10t") for d in (0.2, 1.0)]
    assert values == sorted(values, reverse=True)
    assert ranking["best"] == {"backbone": cells[0][0], "depth": cells[0][1]}
    assert ranking["cells"][0]["tied"] is True
    assert set(ranking["baselines"]) == {"chance", "diameter", "pixels"}
    assert ranking["twins"] == []
    assert ranking["weights"].startswith("random")
    seen = read_table(inputs / "data/split.parquet", SPLIT).query("part != 'test'")
    shares = seen["binary"].value_counts(normalize=True)
    assert ranking["baselines"]["chance"]["weighted_auprc"]["value"] == pytest.approx((shares**2).sum())
    assert (ranking["n"], ranking["patients"]) == (len(seen), seen["patient_id"].nunique())


def test_the_table_says_the_same_and_ends_with_the_baselines(inputs, ranking):
    rows = list(csv.DictReader((inputs / "out/ranking.csv").read_text().splitlines()))

    assert [row["row"] for row in rows] == ["probe"] * 4 + [
        "chance",
        "diameter only",
        "pixels (0% frozen)",
    ]
    assert float(rows[0]["weighted_auprc"]) == pytest.approx(
        ranking["cells"][0]["weighted_auprc"]["value"], abs=1e-6
    )


def test_equal_inputs_give_equal_bytes(inputs, ranking):
    screen.run(PARAMS, task=TASK, **input_paths(inputs), out=inputs / "again")

    names = sorted(path.name for path in (inputs / "out").iterdir())
    assert names == ["curve.png", "heatmap.png", "ranking.csv", "ranking.json"]
    for name in names:
        assert (inputs / "out" / name).read_bytes() == (inputs / "again" / name).read_bytes(), name


def test_the_test_part_has_no_say(inputs, ranking, tmp_path):
    root = shutil.copytree(inputs / "data", tmp_path / "data").parent
    split = read_table(root / "data/split.parquet", SPLIT)
    test = split["part"] == Part.TEST
    for folder in (root / "data/embeddings").iterdir():
        found = read_embeddings(folder, View.NODULE)
        rows = pd.Series(found.nodule_ids).isin(split.loc[test, "nodule_id"]).to_numpy()
        noise = {depth: vectors.copy() for depth, vectors in found.by_depth.items()}
        for vectors in noise.values():
            vectors[rows] = 1e6
        write_embeddings(
            folder, View.NODULE, Embeddings(found.backbone, found.weights, found.nodule_ids, noise)
        )
    split.loc[test, "binary"] = 1 - split.loc[test, "binary"]
    write_table(root / "data/split.parquet", split, SPLIT)

    screen.run(PARAMS, task=TASK, **input_paths(root), out=root / "out")

    assert json.loads((root / "out/ranking.json").read_text()) == ranking


def test_the_order_of_rows_in_the_embeddings_is_that_of_their_ids(inputs, ranking, tmp_path):
    root = shutil.copytree(inputs / "data", tmp_path / "data").parent
    for folder in (root / "data/embeddings").iterdir():
        found = read_embeddings(folder, View.NODULE)
        turned = {depth: vectors[::-1] for depth, vectors in found.by_depth.items()}
        ids = found.nodule_ids[::-1]
        write_embeddings(folder, View.NODULE, Embeddings(found.backbone, found.weights, ids, turned))

    screen.run(PARAMS, task=TASK, **input_paths(root), out=root / "out")

    assert json.loads((root / "out/ranking.json").read_text()) == ranking


def test_no_embeddings_at_all_is_an_error_that_says_what_to_run(inputs, tmp_path):
    (tmp_path / "embeddings").mkdir()

    with pytest.raises(MissingInputError, match="dvc repro embed"):
        screen.run(
            PARAMS,
            task=TASK,
            **input_paths(inputs) | {"embeddings": tmp_path / "embeddings"},
            out=tmp_path / "out",
        )


def test_light_stages_start_without_torch():
    code = "import sys, lungml.stages.screen, lungml.stages.baselines, lungml.stages.outliers, "
    code += "lungml.stages.report as _; "
    code += "sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_random_twin_of_a_pretrained_backbone_stands_in_the_same_table(inputs, tmp_path):
    root = shutil.copytree(inputs / "data", tmp_path / "data").parent
    folder = root / "data/embeddings/resnet10t"
    write_embeddings(folder, View.NODULE, read_embeddings(folder, View.NODULE), twin=True)

    screen.run(PARAMS, task=TASK, **input_paths(root), out=root / "out")

    ranking = json.loads((root / "out/ranking.json").read_text())
    cells = {(cell["backbone"], cell["depth"]): cell["weighted_auprc"] for cell in ranking["cells"]}
    assert [(twin["backbone"], twin["depth"]) for twin in ranking["twins"]] == [
        ("resnet10t", 0.2),
        ("resnet10t", 1.0),
    ]
    for twin in ranking["twins"]:
        assert twin["weighted_auprc"] == cells[twin["backbone"], twin["depth"]]
    rows = [row["row"] for row in csv.DictReader((root / "out/ranking.csv").read_text().splitlines())]
    assert rows == ["probe"] * 4 + ["random twin"] * 2 + ["chance", "diameter only", "pixels (0% frozen)"]
