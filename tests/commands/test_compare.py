import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from index_tables import make_index
from model_files import make_answers, make_record
from report_files import edit_json, make_split, write_task

from lungml.cli import lungml
from lungml.errors import InputError, MissingInputError, ModelError
from lungml.evaluation.keyed import FILE, KeyedAnswers, read_answers, write_answers
from lungml.evaluation.tally import Cases
from lungml.params.evaluation import RegisterParams
from lungml.sealing.ledger import read_comparisons
from lungml.terms import Task
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project with one evaluated task; tests must not change it."""
    root = tmp_path_factory.mktemp("finished")
    tables = make_index(120, 0)
    write_task(root / "reports", Task.NODULE_BINARY, tables, make_split(tables, 0), np.random.default_rng(0))
    return root


@pytest.fixture
def two_runs(finished, tmp_path, monkeypatch):
    """`before` and `after`, whose answers are less noise and whose training was longer."""
    monkeypatch.chdir(tmp_path)
    for name in ("before", "after"):
        shutil.copytree(finished, tmp_path / name)
    path = tmp_path / "before/reports/evaluate/nodule-binary" / FILE
    answers = read_answers(path)
    noise = np.random.default_rng(0).dirichlet([1, 1], len(answers.nodules))
    worse = Cases(answers.cases.labels, 0.1 * answers.cases.probabilities + 0.9 * noise)
    write_answers(path, KeyedAnswers(answers.nodules, answers.patients, worse))
    edit_json(tmp_path / "after/reports/register/nodule-binary.json", params={"finetune.epochs": 40})
    metrics = tmp_path / "after/reports/evaluate/nodule-binary/metrics.json"
    edit_json(metrics, lineage={"data_sha256": "a" * 64, "split_sha256": "b" * 64, "bundle_sha256": "e" * 64})
    return tmp_path


def run(*words):
    result = CliRunner().invoke(lungml, list(words), standalone_mode=False, catch_exceptions=True)
    if result.exception:
        raise result.exception
    return result


def test_report_compare_answers_first_and_writes_one_page(two_runs):
    said = run("report", "--compare", "before", "after").stdout

    assert said.startswith("The second run is better: weighted AUPRC +")
    assert "differs: finetune.epochs: 20 -> 40" in said
    assert "Weighted AUPRC" in said
    page = (two_runs / "reports/comparison.html").read_text()
    assert said.splitlines()[0] in page


def test_the_page_goes_where_it_is_wanted(two_runs):
    run("report", "--compare", "before", "after", "--out", "here.html")

    assert (two_runs / "here.html").is_file()
    assert not (two_runs / "reports").exists()


def test_the_same_model_is_not_better_than_itself(two_runs):
    assert run("compare", "before", "before/reports").stdout.startswith("Both runs hold the same model.")


def test_in_a_project_a_comparison_is_a_line_of_the_ledger_and_the_same_again_is_none(two_runs):
    (two_runs / "params.yaml").write_text((Path(__file__).parents[2] / "params.yaml").read_text())

    run("compare", "before", "after")
    run("compare", "after", "before")
    run("compare", "before", "before/reports")

    (found,) = read_comparisons(two_runs / "test-ledger.jsonl")
    assert (found.task, found.purpose) == ("nodule-binary", "comparison")
    assert "e" * 64 in found.compared


def test_a_run_that_does_not_say_which_model_it_is_of_is_refused_before_its_numbers_are_shown(two_runs):
    (two_runs / "params.yaml").write_text((Path(__file__).parents[2] / "params.yaml").read_text())
    edit_json(two_runs / "after/reports/evaluate/nodule-binary/metrics.json", lineage={})
    (two_runs / "after/reports/register/nodule-binary.json").unlink()

    with pytest.raises(InputError, match="the second run does not say which model its answers"):
        run("compare", "before", "after")

    assert not (two_runs / "reports").exists()
    assert not (two_runs / "test-ledger.jsonl").exists()


def test_outside_a_project_it_is_said_that_no_ledger_holds_it(two_runs):
    said = run("compare", "before", "after").stderr

    assert "in no ledger of the test part" in said
    assert not (two_runs / "test-ledger.jsonl").exists()


def test_runs_of_mlflow_are_compared_by_id_and_by_alias(project, params):
    for name, skill in (("old", 0.2), ("new", 0.45)):
        files = make_record(project / name, params, weights=name.encode(), answers=make_answers(skill=skill))
        last = register(files, RegisterParams())

    said = run("compare", "models:/lungml-nodule-binary@champion", last.run_id).stdout
    by_version = run("compare", "models:/lungml-nodule-binary/1", f"runs:/{last.run_id}").stdout

    assert said.startswith("The second run is better: weighted AUPRC +")
    assert "on the 160 test nodules of 80 patients".lower() in said.lower()
    assert said == by_version


def test_what_is_no_run_is_refused_in_one_sentence(project):
    with pytest.raises(MissingInputError, match="nowhere holds no reports"):
        run("compare", "nowhere", "nowhere")
    for name in ("0" * 32, "models:/none@champion", "models:/none/7"):
        with pytest.raises(ModelError, match=f"MLflow has no {name}"):
            run("compare", name, name)


def test_runs_without_a_shared_nodule_are_refused(two_runs):
    path = two_runs / "after/reports/evaluate/nodule-binary" / FILE
    write_answers(path, make_answers())

    with pytest.raises(InputError, match="before and after share no test nodule"):
        run("compare", "before", "after")
