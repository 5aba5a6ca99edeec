import subprocess
from dataclasses import replace

import pytest

from lungml.errors import InputError, ParamsError
from lungml.params.data import LabelParams
from lungml.params.evaluation import EvaluateParams
from lungml.sealing.ledger import REASON, Sealed, read_openings
from lungml.sealing.seal import ask

SEALED = Sealed("nodule-binary", "a" * 64, "b" * 64)
OTHER = replace(SEALED, bundle_sha256="c" * 64)
PLAN = "nodule-binary: {primary_metric: weighted_auprc, compared_with: diameter, policy: mean, n: 40}\n"
VALUE = {"value": 0.8, "low": 0.7, "high": 0.9}
METRICS = {"raw": {"weighted_auprc": VALUE}, "baselines": {"diameter": {}}, "n": 40}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with a committed plan, without a reason in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(REASON, raising=False)
    (tmp_path / "plan.yaml").write_text(PLAN)
    for words in (
        ["init", "-q"],
        ["config", "user.name", "a"],
        ["config", "user.email", "a@example.org"],
        ["add", "plan.yaml"],
        ["commit", "-qm", "plan"],
    ):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def open_it(project, sealed=SEALED, plan="plan.yaml", reopen="freely"):
    params = EvaluateParams(preregistration=plan, reopen=reopen)
    return ask(sealed, project / "ledger.jsonl", params).enter(METRICS, LabelParams())


def test_without_a_plan_every_opening_is_allowed_and_written_down(project):
    assert open_it(project, SEALED, None)
    assert open_it(project, OTHER, None)
    assert [opening.reason for opening in read_openings(project / "ledger.jsonl")] == ["", ""]


def test_where_the_project_asks_for_reasons_a_second_model_needs_one_and_nothing_is_written_without(
    project, monkeypatch
):
    assert open_it(project, SEALED, None, "with-reason")

    with pytest.raises(InputError, match=r"opened 1 time.*evaluate\.reopen asks.*set LUNGML_TEST_REASON"):
        ask(OTHER, project / "ledger.jsonl", EvaluateParams(reopen="with-reason"))
    assert len(read_openings(project / "ledger.jsonl")) == 1

    monkeypatch.setenv(REASON, "the first one read slices upside down")
    assert open_it(project, OTHER, None, "with-reason")


def test_where_the_project_asks_for_reasons_a_rerun_and_another_test_part_need_none(project):
    open_it(project, SEALED, None, "with-reason")

    assert not open_it(project, SEALED, None, "with-reason")
    assert open_it(project, replace(OTHER, split_sha256="d" * 64), None, "with-reason")
    assert open_it(project, replace(OTHER, task="nodule-five"), None, "with-reason")


def test_with_a_plan_the_first_opening_says_what_was_registered(project):
    open_it(project)

    (found,) = read_openings(project / "ledger.jsonl")

    assert found.preregistered["primary_metric"] == "weighted_auprc"
    assert found.preregistered["deviations"] == []
    assert found.metrics == {"weighted_auprc": 0.8, "weighted_auprc_low": 0.7, "weighted_auprc_high": 0.9}


def test_a_second_model_needs_a_reason_and_the_reason_is_kept(project, monkeypatch):
    open_it(project)

    with pytest.raises(InputError, match=r"opened 1 time.*only with a reason"):
        open_it(project, OTHER)
    monkeypatch.setenv(REASON, "  the first one\nhad a bug ")
    open_it(project, OTHER)

    assert read_openings(project / "ledger.jsonl")[-1].reason == "the first one had a bug"


def test_the_same_model_may_be_measured_again_without_a_reason(project):
    assert open_it(project)
    assert not open_it(project)


def test_a_plan_that_is_not_committed_opens_nothing(project):
    (project / "plan.yaml").write_text(PLAN.replace("40", "41"))

    with pytest.raises(InputError, match="not committed"):
        open_it(project)

    assert not (project / "ledger.jsonl").exists()


def test_a_plan_that_is_not_there_opens_nothing(project):
    with pytest.raises(ParamsError, match="not there"):
        open_it(project, SEALED, "other.yaml")
