import pytest
from report_files import edit_json

from lungml.errors import InputError, MissingInputError
from lungml.evaluation.keyed import FILE, read_answers
from lungml.report.compare.sides import Made, read_folder, read_side
from lungml.terms import Task


def test_a_finished_project_is_read_by_its_folder_or_its_reports(finished_project):
    by_root, by_reports = read_folder(finished_project), read_folder(finished_project / "reports")

    assert list(by_root) == list(by_reports) == list(Task)
    side = by_root[Task.NODULE_BINARY]
    assert side.params["finetune.epochs"] == "20"
    assert side.params["chosen.batch_size"] == "16"
    assert (side.lineage["git_commit"], side.lineage["bundle_sha256"]) == ("f" * 40, "c" * 64)
    assert side.policy.startswith("mean (")
    assert len(side.answers.nodules) > 20


def test_a_folder_without_an_evaluation_says_what_a_run_is(tmp_path):
    with pytest.raises(MissingInputError, match="the id of an MLflow run"):
        read_folder(tmp_path)


def test_an_evaluation_of_an_older_lungml_says_what_to_run(finished_project, tmp_path):
    source = finished_project / "reports/evaluate/nodule-five"
    (tmp_path / "metrics.json").write_bytes((source / "metrics.json").read_bytes())

    with pytest.raises(MissingInputError, match="dvc repro evaluate"):
        read_side(Task.NODULE_FIVE, tmp_path, Made({}, {}))


def test_an_evaluation_of_another_task_is_refused(finished_project, tmp_path):
    source = finished_project / "reports/evaluate/nodule-five"
    for name in ("metrics.json", FILE):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    edit_json(tmp_path / "metrics.json", task="slice-five")

    assert read_answers(tmp_path / FILE).cases.classes == 5
    with pytest.raises(InputError, match="slice-five, expected nodule-five"):
        read_side(Task.NODULE_FIVE, tmp_path, Made({}, {}))
