import pytest
from pydantic import ValidationError

from lungml.params.evaluation import EvaluateParams, ExplainParams, GateParams, RegisterParams


def test_a_gate_that_tolerates_says_how_much():
    with pytest.raises(ValidationError, match="not-inferior needs a margin above 0"):
        GateParams(rule="not-inferior")

    assert GateParams(rule="not-inferior", margin=0.02).margin == 0.02


def test_a_challenger_has_to_be_better_unless_a_project_says_otherwise():
    assert RegisterParams().gate == GateParams(rule="superior", margin=0.0)


@pytest.mark.parametrize("metric", ["calibration_slope", "qwk", "sensitivity"])
def test_a_gate_takes_no_metric_without_a_better_side_or_of_one_task_alone(metric):
    with pytest.raises(ValidationError, match="weighted_auprc"):
        GateParams(metric=metric)


@pytest.mark.parametrize("confidence", [0.5, 1.0, 95])
def test_an_interval_has_a_level_between_a_half_and_one(confidence):
    for section in (EvaluateParams, GateParams):
        with pytest.raises(ValidationError, match="confidence"):
            section(confidence=confidence)


@pytest.mark.parametrize(
    ("section", "few"),
    [
        (EvaluateParams, {"replicates": 99}),
        (EvaluateParams, {"null_draws": 99}),
        (EvaluateParams, {"calibration_bins": 1}),
        (GateParams, {"replicates": 99}),
        (ExplainParams, {"checked_cases": 7}),
    ],
)
def test_too_few_draws_to_say_anything_are_refused(section, few):
    (name,) = few

    with pytest.raises(ValidationError, match=name):
        section(**few)
    assert getattr(section(**{name: few[name] + 1}), name) == few[name] + 1
