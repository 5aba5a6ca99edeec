import json

import numpy as np
import pytest
import torch
from small_cohort import make_bundle, save_bundle, write_baselines, write_cohort

from lungml.errors import InputError
from lungml.files import sha256_file
from lungml.params.evaluation import EvaluateParams, ExplainParams
from lungml.stages import evaluate, explain
from lungml.tables import PREDICTIONS, read_table
from lungml.terms import Task

PARAMS = ExplainParams(cases_per_group=1, min_cells=4, checked_cases=8)


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """(cohort, bundle, predictions, out) after one run."""
    root = tmp_path_factory.mktemp("explained")
    cohort = write_cohort(root / "cohort")
    bundle = save_bundle(root, make_bundle(cohort))
    predictions, out = root / "predictions", root / "out"
    evaluate.run(
        EvaluateParams(null_draws=100, replicates=100), task=Task.NODULE_BINARY, bundle=bundle,
        log=root / "log", views=cohort.views, split=cohort.split, index=cohort.index,
        diagnoses=cohort.diagnoses, ledger=root / "ledger.jsonl", out=predictions,
        baselines=write_baselines(cohort, Task.NODULE_BINARY, root / "baselines"),
    )  # fmt: skip
    run(cohort, bundle, predictions, out)
    return cohort, bundle, predictions, out


def test_each_case_has_its_picture_and_its_scores(explained):
    _, _, _, out = explained

    found = cases_of(out)

    assert {path.name for path in out.iterdir()} == {"cases.json", "gallery.png"} | {
        case["figure"] for case in found["cases"]
    }
    for case in found["cases"]:
        assert 0 <= case["energy_in_mask"] <= 1
        assert 0 < case["area_share"] < 1
        assert case["pointing_hit"] in (True, False)


def test_cases_are_test_nodules_with_the_probabilities_of_the_evaluation(explained):
    _, _, predictions, out = explained
    table = read_table(predictions / "predictions.parquet", PREDICTIONS).set_index("nodule_id")

    for case in cases_of(out)["cases"]:
        row = table.loc[case["nodule_id"]]
        assert row["part"] == "test"
        assert case["probabilities"] == pytest.approx(row["probabilities"])
        assert case["label"] == row["label"]
        if case["group"] != "uncertain":
            assert (case["group"] == "correct") == (np.argmax(row["probabilities"]) == row["label"])


def test_the_summary_is_of_all_test_nodules(explained):
    found = cases_of(explained[3])

    assert found["summary"]["n"] == 40
    assert found["weights"] == "random"
    assert found["cell_px"] == 8.0
    assert set(found["sanity"]["similarity"]) == {"head", "head and last half", "all layers"}
    assert found["road"]["n"] <= 8


def test_maps_of_an_untrained_model_are_called_not_trustworthy(explained, tmp_path, capsys):
    cohort, bundle, predictions, out = explained

    run(cohort, bundle, predictions, tmp_path / "out")

    trust = cases_of(out)["trust"]
    assert trust["trusted"] is False
    assert "the model answers no better than a network without knowledge" in trust["reasons"]
    assert "not trustworthy; the model answers no better" in capsys.readouterr().err


def test_a_second_run_writes_the_same_bytes(explained, tmp_path):
    cohort, bundle, predictions, out = explained

    run(cohort, bundle, predictions, tmp_path / "again")

    for path in out.iterdir():
        assert sha256_file(path) == sha256_file(tmp_path / "again" / path.name), path.name


def test_empty_maps_are_counted_and_said(explained, tmp_path, capsys):
    cohort, _, predictions, _ = explained
    against = make_bundle(cohort)
    with torch.no_grad():  # the backbone's features are at least 0: nothing speaks for either class
        against.members[0].classifier.head.weight.copy_(-against.members[0].classifier.head.weight.abs())

    run(cohort, save_bundle(tmp_path, against), predictions, tmp_path / "out", ExplainParams(min_cells=1))

    found = cases_of(tmp_path / "out")
    assert found["summary"]["empty"] == 40
    assert all(case["empty"] and case["energy_in_mask"] is None for case in found["cases"])
    assert "all 40 maps are empty" in capsys.readouterr().err


def test_a_model_of_another_task_is_refused(explained, tmp_path):
    cohort, _, predictions, _ = explained
    five = save_bundle(tmp_path, make_bundle(cohort, task=Task.NODULE_FIVE))

    with pytest.raises(InputError, match="expected nodule-binary"):
        run(cohort, five, predictions, tmp_path / "out")


def run(cohort, bundle, predictions, out, params=PARAMS):
    explain.run(
        params, task=Task.NODULE_BINARY, bundle=bundle, views=cohort.views, predictions=predictions, out=out
    )  # fmt: skip


def cases_of(out):
    return json.loads((out / "cases.json").read_text())
