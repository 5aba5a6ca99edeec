import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from small_cohort import make_bundle, save_bundle, write_baselines, write_cohort

from lungml.errors import InputError, MissingInputError, ParamsError
from lungml.evaluation.answers import labelled
from lungml.evaluation.baselines import BASELINES
from lungml.evaluation.keyed import read_answers
from lungml.evaluation.metrics import metrics_for
from lungml.evaluation.trust import QUESTIONS
from lungml.files import sha256_file
from lungml.params.evaluation import EvaluateParams
from lungml.sealing.ledger import REASON, Sealed, enter, read_openings
from lungml.stages import evaluate
from lungml.tables import BASELINES as TABLE
from lungml.tables import PREDICTIONS, SPLIT, SUSPICIOUS, read_table, write_table
from lungml.terms import Target, Task

PARAMS = EvaluateParams(null_draws=100, replicates=200)
FIGURES = {
    f"{name}.png"
    for name in (
        "precision_recall",
        "roc",
        "calibration",
        "confusion",
        "risk_coverage",
        "decision",
        "subgroups",
        "reliability",
    )
}
FILES = {
    *("metrics.json", "trust.json", "predictions.parquet", "test_answers.csv", "suspicious_labels.parquet")
}


@pytest.fixture(scope="module", params=[Task.NODULE_BINARY, Task.NODULE_FIVE])
def evaluated(request, tmp_path_factory):
    """(task, cohort, bundle, out) after one run."""
    root = tmp_path_factory.mktemp(request.param)
    cohort = write_cohort(root / "cohort")
    bundle = save_bundle(root, make_bundle(cohort, task=request.param))
    run(request.param, cohort, bundle, root / "out")
    return request.param, cohort, bundle, root / "out"


def test_predictions_are_of_validation_and_test_only(evaluated):
    _, cohort, _, out = evaluated
    split = read_table(cohort.split, SPLIT)

    predictions = read_table(out / "predictions.parquet", PREDICTIONS)

    expected = split[split["part"] != "train"].sort_values("nodule_id")
    assert predictions["nodule_id"].tolist() == expected["nodule_id"].tolist()
    assert predictions["part"].tolist() == expected["part"].tolist()


def test_the_answers_without_ids_are_the_test_predictions_digit_for_digit(evaluated):
    _, _, _, out = evaluated
    test = read_table(out / "predictions.parquet", PREDICTIONS).query("part == 'test'")

    found = read_answers(out / "test_answers.csv")

    written = sorted(map(tuple, np.stack(test["probabilities"])))
    assert sorted(map(tuple, found.cases.probabilities)) == written
    text = (out / "test_answers.csv").read_text()
    assert not any(name in text for name in (*test["nodule_id"], *test["patient_id"]))


def test_the_headline_is_that_of_the_written_test_predictions(evaluated):
    task, _, _, out = evaluated
    test = read_table(out / "predictions.parquet", PREDICTIONS).query("part == 'test'")
    probabilities = np.stack(test["probabilities"])

    found = metrics_of(out)

    expected = sum(
        (test["label"] == k).mean() * average_precision_score(test["label"] == k, probabilities[:, k])
        for k in range(len(task.target.class_names))
    )
    assert found["raw"]["weighted_auprc"]["value"] == pytest.approx(expected, abs=1e-12)
    assert (found["n"], found["patients"], found["part"]) == (40, 20, "test")


def test_every_value_has_chance_interval_and_baseline_beside_it(evaluated):
    task, _, _, out = evaluated

    found = metrics_of(out)

    names = set(found["raw"])
    assert names == set(metrics_for(len(task.target.class_names)))
    for group in ("raw", "tta"):
        assert all(set(cell) == {"value", "low", "high", "chance", "skill"} for cell in found[group].values())
    assert all(found["tta_minus_raw"][name].keys() == {"value", "low", "high"} for name in names)
    assert set(found["baselines"]) | set(found["baselines_seen"]["absent"]) == set(BASELINES)
    assert set(found["baselines_seen"]["absent"]) == {"frozen_features"}
    assert sum(found["class_shares"].values()) == pytest.approx(1.0)


def test_differences_are_between_the_values_shown(evaluated):
    found = metrics_of(evaluated[3])

    for name, cell in found["model_minus_diameter"].items():
        ours, diameter = found["raw"][name]["value"], found["baselines"]["diameter"][name]["value"]
        assert cell["value"] == pytest.approx(ours - diameter), name
        # With 20 patients, a draw may well hold no benign nodule that is larger than a malignant one.
        if name != "calibration_slope":
            assert cell["low"] <= cell["value"] <= cell["high"], name


def test_the_model_is_compared_with_every_baseline_and_nothing_is_claimed_of_an_untrained_one(evaluated):
    task, _, _, out = evaluated
    found = metrics_of(out)

    comparisons = found["comparisons"]

    rows = comparisons["rows"]
    assert set(rows) == set(found["baselines"])
    diameter, difference = rows["diameter"], found["model_minus_diameter"]["weighted_auprc"]
    assert {part: diameter[part] for part in difference} == difference
    assert diameter["p_corrected"] == diameter["p"]
    assert rows["metadata"]["p_corrected"] >= rows["metadata"]["p"]
    assert rows["diameter"]["words"] != "better"
    assert (rows["metadata"]["delong"] is None) == (task is Task.NODULE_FIVE)
    assert all(row["smallest"] > 0 for row in rows.values())


def test_baselines_of_other_nodules_are_refused(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    baselines = write_baselines(cohort, Task.NODULE_BINARY, tmp_path / "baselines")
    answers = read_table(baselines / "predictions.parquet", TABLE)
    write_table(baselines / "predictions.parquet", answers[answers["nodule_id"] != "n070"], TABLE)

    with pytest.raises(InputError, match="dvc repro baselines"):
        evaluate.run(
            PARAMS, task=Task.NODULE_BINARY, bundle=save_bundle(tmp_path, make_bundle(cohort)),
            log=tmp_path / "log", views=cohort.views, split=cohort.split, index=cohort.index,
            diagnoses=cohort.diagnoses, baselines=baselines, ledger=tmp_path / "ledger.jsonl",
            out=tmp_path / "out",
        )  # fmt: skip


def test_the_diameter_baseline_knows_that_larger_discs_are_more_malignant(evaluated):
    found = metrics_of(evaluated[3])["baselines"]

    assert found["diameter"]["auroc"]["value"] > 0.8
    assert found["prevalence"]["weighted_auprc"]["skill"] == pytest.approx(0.0)


def test_lineage_names_data_split_and_bundle(evaluated):
    _, cohort, bundle, out = evaluated

    lineage = metrics_of(out)["lineage"]

    assert lineage == {
        "data_sha256": "a" * 64,
        "split_sha256": sha256_file(cohort.split),
        "bundle_sha256": sha256_file(bundle / "bundle.json"),
    }


def test_a_second_run_writes_the_same_bytes(evaluated, tmp_path):
    task, cohort, bundle, out = evaluated

    run(task, cohort, bundle, tmp_path / "again")

    assert {path.name for path in out.iterdir()} == FIGURES | FILES
    for path in out.iterdir():
        assert sha256_file(path) == sha256_file(tmp_path / "again" / path.name), path.name


def test_opening_the_test_part_is_in_the_ledger_and_not_in_the_outputs(evaluated):
    task, cohort, bundle, out = evaluated

    (found,) = read_openings(ledger_of(out))

    assert found.is_of(Sealed(task.value, sha256_file(cohort.split), sha256_file(bundle / "bundle.json")))
    assert found.metrics["weighted_auprc"] == metrics_of(out)["raw"]["weighted_auprc"]["value"]
    assert all(found.when.encode() not in path.read_bytes() for path in out.iterdir())


@pytest.mark.parametrize("reason", ["", "the first read slices upside down"])
def test_a_second_model_without_a_reason_is_judged_and_warned_of(tmp_path, capsys, monkeypatch, reason):
    monkeypatch.setenv(REASON, reason)
    cohort, ledger = write_cohort(tmp_path / "cohort"), ledger_of(tmp_path / "out")
    first = Sealed(Task.NODULE_BINARY, sha256_file(cohort.split), "c" * 64)
    enter(ledger, first, reason="", metrics={}, preregistered=None)

    run(Task.NODULE_BINARY, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "out")

    said = capsys.readouterr().err
    warned = "opened 2 times for this task. 1 time(s) of these again without a reason" in said
    assert warned is (not reason)
    assert (f"{REASON}=" in said) is warned
    assert [line.reason for line in read_openings(ledger)] == ["", reason]


def test_without_the_plan_it_names_nothing_is_judged_or_written(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    bundle = save_bundle(tmp_path, make_bundle(cohort))
    places = ("views", "split", "index", "diagnoses")
    paths = {name: getattr(cohort, name) for name in places}
    paths |= {"bundle": bundle, "log": tmp_path / "log", "baselines": tmp_path / "baselines"}
    planned = PARAMS.model_copy(update={"preregistration": str(tmp_path / "plan.yaml")})

    with pytest.raises(ParamsError, match="not there"):
        evaluate.run(
            planned,
            task=Task.NODULE_BINARY,
            **paths,
            ledger=tmp_path / "ledger.jsonl",
            out=tmp_path / "out",
        )

    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "ledger.jsonl").exists()


def test_every_question_of_trust_is_answered_on_test_and_fitted_on_validation(evaluated):
    found = json.loads((evaluated[3] / "trust.json").read_text())

    assert set(QUESTIONS) | {"out_of_distribution"} <= set(found)
    assert (found["n"], found["patients"]) == (40, 20)
    assert found["fitted_on"] == {"parts": ["val"], "n": 24, "patients": 12}
    assert found["readers"]["auroc"]["reader"]["value"] == 1.0
    assert sum(row["in_force"] for row in found["policies"]) == 1


def test_diagnoses_are_a_table_of_their_own_and_change_no_other_number(evaluated, tmp_path):
    task, cohort, bundle, out = evaluated
    patients = sorted(read_table(cohort.split, SPLIT).query("part == 'test'")["patient_id"].unique())
    table = "".join(f"{patient},{1 + number % 2}\n" for number, patient in enumerate(patients))
    (tmp_path / "diagnoses.csv").write_text(f"patient_id,diagnosis\n{table}")

    run(task, replace(cohort, diagnoses=tmp_path / "diagnoses.csv"), bundle, tmp_path / "out")

    assert (tmp_path / "out/metrics.json").read_bytes() == (out / "metrics.json").read_bytes()
    without, found = (json.loads((one / "trust.json").read_text()) for one in (out, tmp_path / "out"))
    assert without.pop("pathology") is None
    assert found.pop("pathology")["patients"] == len(patients)
    assert found == without


def test_labels_to_look_at_again_are_never_of_test(evaluated):
    rows = read_table(evaluated[3] / "suspicious_labels.parquet", SUSPICIOUS)

    assert set(rows["part"]) <= {"val"}
    assert (rows["given"] != rows["suggested"]).all()


def test_it_says_that_the_weights_were_random(tmp_path, capsys):
    cohort = write_cohort(tmp_path / "cohort")

    run(
        Task.NODULE_BINARY, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "out"
    )  # fmt: skip

    said = capsys.readouterr().err
    assert "random weights" in said
    assert "40 test nodules of 20 patients" in said
    assert metrics_of(tmp_path / "out")["weights"] == "random"


def test_a_model_trained_on_another_split_is_refused(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    bundle = save_bundle(tmp_path, make_bundle(cohort))
    rewrite_split(cohort, part=lambda part: part.replace({"val": "train", "train": "val"}))

    with pytest.raises(InputError, match="may have been trained on"):
        run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_model_of_another_task_is_refused(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")

    with pytest.raises(InputError, match="expected nodule-five"):
        run(Task.NODULE_FIVE, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "out")


def test_a_part_without_labelled_nodules_is_named(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    rewrite_split(cohort, part=lambda part: part.replace("val", "train"))

    with pytest.raises(InputError, match="in the part val"):
        run(Task.NODULE_BINARY, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "out")


def test_nodules_that_the_label_policy_left_out_are_not_judged(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    rewrite_split(
        cohort, binary=lambda binary: binary.where(read_table(cohort.split, SPLIT)["five"] != 2, -1)
    )

    run(Task.NODULE_BINARY, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "out")

    assert metrics_of(tmp_path / "out")["n"] == 32


def overconfident(rows):
    """Answers of which a fifth is wrong, each given as nearly certain."""
    right = np.arange(len(rows)) % 5 != 0
    label = np.where(right, rows["label"], 1 - rows["label"])
    return list(np.where(np.eye(2)[label] == 1, 0.999, 0.001))


def fold_ensemble(tmp_path, cohort):
    """A model that was trained on validation too, and what its members say of the folds they left out."""
    bundle = save_bundle(tmp_path, replace(make_bundle(cohort), history={"fit": "folds"}))
    rows = labelled(read_table(cohort.split, SPLIT).query("part != 'test'"), Target.BINARY)
    answers = rows.assign(probabilities=overconfident(rows), probabilities_tta=overconfident(rows))
    write_table(tmp_path / "log" / "out_of_fold.parquet", answers, PREDICTIONS)
    return bundle, answers


def test_a_model_that_was_trained_on_validation_is_calibrated_on_answers_of_members_that_left_it_out(
    tmp_path,
):
    cohort = write_cohort(tmp_path / "cohort")
    bundle, answers = fold_ensemble(tmp_path, cohort)

    run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    predictions = read_table(tmp_path / "out" / "predictions.parquet", PREDICTIONS)
    known = predictions[predictions["part"] != "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, answers)
    found = metrics_of(tmp_path / "out")["calibration"]
    # it makes 51 of 64, the share of right answers, of 0.999
    assert found["temperature"] == pytest.approx(np.log(0.999 / 0.001) / np.log(51 / 13), rel=1e-4)
    assert found["fitted_on"] == len(answers) == 64


def test_a_model_of_folds_stands_beside_the_diameter_out_of_fold_too(tmp_path, capsys):
    cohort = write_cohort(tmp_path / "cohort")
    bundle, answers = fold_ensemble(tmp_path, cohort)

    run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    found = metrics_of(tmp_path / "out")["cross_validated"]
    right = np.mean(np.stack(answers["probabilities"]).argmax(axis=1) == answers["label"])
    assert found["n"] == found["with_diameter"] == len(answers)
    assert found["raw"]["accuracy"]["value"] == pytest.approx(right)
    assert found["raw_minus_diameter"]["accuracy"]["value"] == pytest.approx(
        right - found["diameter"]["accuracy"]["value"]
    )
    assert f"Out of fold, {len(answers)} nodules" in capsys.readouterr().err


def test_a_model_that_was_trained_on_train_alone_has_no_such_answers(evaluated):
    assert "cross_validated" not in metrics_of(evaluated[3])


def test_test_predictions_are_the_models_own_whatever_it_was_trained_on(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    run(Task.NODULE_BINARY, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "before")
    bundle, _ = fold_ensemble(tmp_path, cohort)

    run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    before, after = (
        read_table(tmp_path / name / "predictions.parquet", PREDICTIONS).query("part == 'test'")
        for name in ("before", "out")
    )
    pd.testing.assert_frame_equal(before.reset_index(drop=True), after.reset_index(drop=True))


def test_a_model_that_was_trained_on_validation_is_not_calibrated_without_those_answers(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    bundle, _ = fold_ensemble(tmp_path, cohort)
    (tmp_path / "log" / "out_of_fold.parquet").unlink()

    with pytest.raises(MissingInputError, match=r"out_of_fold\.parquet"):
        run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")


def test_other_models_are_calibrated_on_validation(evaluated):
    assert metrics_of(evaluated[3])["calibration"]["fitted_on"] == 24


def run(task, cohort, bundle, out):
    evaluate.run(
        PARAMS,
        task=task,
        bundle=bundle,
        log=bundle.with_name("log"),
        views=cohort.views,
        split=cohort.split,
        index=cohort.index,
        diagnoses=cohort.diagnoses,
        baselines=write_baselines(cohort, task, out.with_name("baselines")),
        ledger=ledger_of(out),
        out=out,
    )


def ledger_of(out):
    return out.parent / f"{out.name}-ledger.jsonl"


def metrics_of(out):
    return json.loads((out / "metrics.json").read_text())


def rewrite_split(cohort, **columns):
    split: pd.DataFrame = read_table(cohort.split, SPLIT)
    write_table(
        cohort.split, split.assign(**{name: make(split[name]) for name, make in columns.items()}), SPLIT
    )
