"""What the report needs of the stages, and what it can do without."""

import json
import shutil

import pytest
from report_pages import text_of, write_report

from lungml.errors import InputError, MissingInputError
from lungml.report.collect import CohortPlaces, Places, patients_are_inferred, read_outliers, read_tasks
from lungml.terms import Task, View


def test_an_evaluation_without_its_baselines_makes_no_report(project):
    path = project / "reports/evaluate/nodule-five/metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["baselines_seen"]
    path.write_text(json.dumps(metrics))

    with pytest.raises(InputError, match="lacks baselines_seen"):
        write_report(project)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("outliers", "No outlier scores are there; run `dvc repro outliers`."),
        ("screen", "No screening was done; `dvc repro screen` does it."),
        ("tune", "No hyper-parameters were searched; `dvc repro tune` does it."),
        ("finetune", "There is no record of the training; `dvc repro finetune` writes it."),
        ("explain", "No Grad-CAM++ maps are there; `dvc repro explain` draws them."),
        ("register", "Not registered: there is no record; run `dvc repro register`."),
    ],
)
def test_an_optional_part_that_is_missing_is_said_to_be(project, gone, sentence):
    shutil.rmtree(project / "reports" / gone)

    assert sentence in text_of(write_report(project))


@pytest.mark.parametrize(
    "gone",
    [
        "data/index/summary.json",
        "data/split.parquet",
        "reports/split/excluded.json",
        "reports/validate/result.json",
        "reports/audit/result.json",
        "reports/evaluate",
    ],
)
def test_a_needed_part_that_is_missing_stops_the_report(project, gone):
    path = project / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(MissingInputError, match="dvc repro"):
        write_report(project)


def places(root):
    reports, data = root / "reports", root / "data"
    cohort = CohortPlaces(
        index=data / "index", split=data / "split.parquet", excluded=reports / "split/excluded.json",
        checked=reports / "validate", audited=reports / "audit",
    )  # fmt: skip
    return Places(
        cohort=cohort, outliers=reports / "outliers", screen=reports / "screen", tune=reports / "tune",
        log=reports / "finetune", evaluation=reports / "evaluate", explanation=reports / "explain",
        registration=reports / "register", cards=reports / "card", ledger=root / "test-ledger.jsonl",
    )  # fmt: skip


def test_only_tasks_that_were_evaluated_are_read_in_the_order_asked_for(project):
    shutil.rmtree(project / "reports/evaluate/slice-five")
    asked = [Task.NODULE_FIVE, Task.SLICE_FIVE, Task.NODULE_BINARY]

    found = read_tasks(places(project), asked)

    assert [each.task for each in found] == [Task.NODULE_FIVE, Task.NODULE_BINARY]


def test_openings_of_a_task_are_no_openings_of_another(finished_project):
    found = read_tasks(places(finished_project), list(Task))

    assert [[line.task for line in each.openings] for each in found] == [[task] for task in Task]


def test_a_view_without_a_picture_of_its_outliers_is_not_shown(project):
    (project / "reports/outliers/slice.png").unlink()
    (project / "reports/outliers/nodule.html").unlink()

    (found,) = read_outliers(places(project), list(View))

    assert (found.view, found.page) == (View.NODULE, None)


@pytest.mark.parametrize(
    ("text", "inferred"), [(None, False), ("{}", False), ('{"patients_inferred": true}', True)]
)
def test_patients_are_inferred_only_where_the_index_says_so(tmp_path, text, inferred):
    if text is not None:
        (tmp_path / "data/index").mkdir(parents=True)
        (tmp_path / "data/index/summary.json").write_text(text)

    assert patients_are_inferred(tmp_path) is inferred
