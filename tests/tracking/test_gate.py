from pathlib import Path
from typing import get_args

import pytest
from model_files import make_answers, make_record

from lungml.errors import ParamsError
from lungml.evaluation.comparison import Difference
from lungml.evaluation.metrics import metrics_for
from lungml.evaluation.pairing import direction
from lungml.params import load_params
from lungml.params.evaluation import GateMetric, GateParams, RegisterParams
from lungml.sealing.ledger import read_comparisons
from lungml.tracking import record
from lungml.tracking.gate import by_rule
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]

ROOT = Path(__file__).parents[2]
MODEL = "lungml-nodule-binary"
SUPERIOR = GateParams()
TOLERANT = GateParams(rule="not-inferior", margin=0.02)
GATE = GateParams(replicates=200)


def difference(low, high):
    return Difference((low + high) / 2, low, high, 0.5, 0.1)


@pytest.mark.parametrize(
    ("gate", "low", "high", "passes"),
    [
        (SUPERIOR, 0.001, 0.05, True),
        (SUPERIOR, -0.001, 0.05, False),
        (SUPERIOR, 0.0, 0.05, False),
        (GateParams(margin=0.01), 0.005, 0.05, False),
        (GateParams(margin=0.01), 0.011, 0.05, True),
        (TOLERANT, -0.019, 0.01, True),
        (TOLERANT, -0.021, 0.09, False),
        # Of an error, less is better.
        (GateParams(metric="brier"), -0.05, -0.001, True),
        (GateParams(metric="brier"), 0.001, 0.05, False),
        (GateParams(rule="not-inferior", margin=0.02, metric="brier"), -0.3, 0.019, True),
        (GateParams(rule="not-inferior", margin=0.02, metric="brier"), -0.3, 0.021, False),
    ],
)
def test_the_end_of_the_interval_that_is_worst_decides(gate, low, high, passes):
    assert by_rule(difference(low, high), gate, "new minus old").passed is passes


def test_the_sentence_has_the_interval_the_words_and_the_rule():
    text = by_rule(difference(-0.01, 0.03), TOLERANT, "version 2 minus champion 1").text

    assert text == (
        "version 2 minus champion 1: weighted_auprc +0.0100 (-0.0100 to +0.0300), no difference shown; shown "
        "to be worse by less than 0.02 (rule not-inferior, paired bootstrap over patients, 95% interval)"
    )


def test_too_few_patients_do_not_pass():
    verdict = by_rule(Difference(0.2, None, None, None, None), TOLERANT, "new minus old")

    assert not verdict.passed
    assert "too few patients" in verdict.text


def test_every_metric_of_the_gate_is_of_every_task_and_has_a_better_side():
    for metric in get_args(GateMetric):
        assert metric in metrics_for(2)
        assert metric in metrics_for(5)
        assert direction(metric)


def test_not_inferior_without_a_margin_is_refused_by_the_parameters(tmp_path):
    shipped = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(shipped.replace("rule: superior ", "rule: not-inferior "))

    with pytest.raises(ParamsError, match="needs a margin above 0"):
        load_params(tmp_path / "params.yaml")


@pytest.fixture
def send(project, params):
    def one(name, answers, gate=GATE):
        sent = make_record(project / name, params, weights=name.encode(), answers=answers)
        return register(sent, RegisterParams(gate=gate))

    return one


def test_a_challenger_says_beside_the_champion_what_the_gate_would_say(client, send):
    first = send("old", make_answers(skill=0.3))
    second = send("new", make_answers(skill=0.5))

    version = client.get_model_version(MODEL, "2")
    assert first.gate == ""
    assert second.gate == version.tags["gate"]
    assert second.gate.startswith("passed: version 2 minus champion 1 on 160 shared test nodules")
    assert version.tags["gate_passed"] == "true"
    assert version.description.split("\n\n") == [
        version.description.split("\n\n")[0],
        f"Gate: {second.gate}.",
    ]
    assert "gate" not in client.get_model_version(MODEL, "1").tags


def test_asking_twice_writes_the_same_once(client, send):
    send("old", make_answers(skill=0.3))
    send("new", make_answers(skill=0.5))
    before = client.get_model_version(MODEL, "2")

    send("new", make_answers(skill=0.5))

    after = client.get_model_version(MODEL, "2")
    assert after.description == before.description
    assert after.last_updated_timestamp == before.last_updated_timestamp


def test_what_the_gate_compares_is_a_line_of_the_ledger(project, send):
    send("old", make_answers(skill=0.3))
    assert read_comparisons(project / "test-ledger.jsonl") == []

    send("new", make_answers(skill=0.5))
    send("new", make_answers(skill=0.5))

    (found,) = read_comparisons(project / "test-ledger.jsonl")
    bundles = {record.bundle_sha256(project / name / "bundle") for name in ("old", "new")}
    assert (found.task, found.purpose) == ("nodule-binary", "gate")
    assert set(found.compared) == bundles


def test_nodules_that_are_not_shared_are_counted(send):
    send("old", make_answers(skill=0.3, nodules=range(160)))

    said = send("new", make_answers(skill=0.5, nodules=range(40, 220))).gate

    assert "on 120 shared test nodules of 60 patients (60 of version 2 and 40 of champion 1 are not" in said


def test_a_version_whose_answers_are_not_kept_is_refused(client, project, params, send):
    sent = make_record(project / "old", params, weights=b"old")
    (project / "old/evaluation/test_answers.csv").unlink()
    register(sent, RegisterParams(gate=GATE))

    said = send("new", make_answers(skill=0.9)).gate

    assert said.startswith("refused: version 1 has no test_answers.csv in its run")


def test_without_a_champion_the_lower_end_must_be_above_chance(project, params, client):
    below = make_record(project / "a", params, weights=b"a", low=0.45)
    above = make_record(project / "b", params, weights=b"b", low=0.51)
    alone = RegisterParams(promotion="never", gate=GATE)

    said = [register(sent, alone).gate for sent in (below, above)]

    assert [text.split(":")[0] for text in said] == ["refused", "passed"]
    assert "lower end of its weighted_auprc 0.4500 <= chance 0.5000" in said[0]
