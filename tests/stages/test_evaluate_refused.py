"""What is not judged: other nodules, another split, another task, no labels, no plan."""

import pytest
from evaluated_runs import PARAMS, metrics_of, rewrite_split, run
from small_cohort import make_bundle, save_bundle, write_baselines, write_cohort

from lungml.errors import InputError, ParamsError
from lungml.stages import evaluate
from lungml.tables import BASELINES as TABLE
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import Task


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
