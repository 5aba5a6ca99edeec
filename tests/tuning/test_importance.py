import math

import pytest
from searches import SPACE, params, run

from lungml.tuning.candidate import Candidate
from lungml.tuning.importance import importances
from lungml.tuning.trials import TrialResult

TUNE = params(trials=40, space=SPACE | {"augment.zoom": {"low": 0.0, "high": 0.4}})


def by_rate(values):
    return 1 - abs(math.log10(values["learning_rate"]) + 2.5) / 2


def by_head(values):
    return 0.8 if values["head"] == "mlp" else 0.5


def only(quality):
    """A score that one hyper-parameter alone decides."""

    def objective(candidate):
        yield (quality(candidate.values) * (1 - 0.5 ** (epoch + 1)) for epoch in range(6))

    return objective


@pytest.mark.parametrize(("name", "quality"), [("learning_rate", by_rate), ("head", by_head)])
def test_the_one_hyper_parameter_that_matters_gets_nearly_all(tmp_path, name, quality):
    shares = importances(TUNE, run(tmp_path, TUNE, only(quality)))

    assert shares[name] > 0.8
    assert sum(shares.values()) == pytest.approx(1)


def test_what_does_not_vary_has_no_share(tmp_path):
    fixed = params(trials=20, space=SPACE | {"batch_size": [16]})

    assert "batch_size" not in importances(fixed, run(tmp_path, fixed, only(by_rate)))


def result(number, value, *, head="mlp"):
    values = {"batch_size": 16, "optimizer": "sgd", "learning_rate": 4e-4 * (number + 1), "head": head}
    scores = () if value is None else (value,)
    return TrialResult(number, Candidate(values), value is None, scores, value)


@pytest.mark.parametrize(
    "trials",
    [[result(number, 0.1 * number) for number in range(19)], [result(number, 0.5) for number in range(20)]],
    ids=["few", "equal"],
)
def test_too_little_to_say_gives_no_shares(trials):
    assert importances(TUNE, trials) == {}


def test_a_rate_at_which_trainings_diverge_matters():
    """All others are alike but for a little noise, so without the diverged ones nothing would matter."""
    scores = [0.5, 0.501, 0.502] * 4 + [None] * 8
    trials = [
        result(number, score, head=("linear", "mlp")[number % 2]) for number, score in enumerate(scores)
    ]

    shares = importances(TUNE, trials)

    assert shares["learning_rate"] > 0.6 > shares["head"]
