"""What is said of calibration and of decisions."""

import pytest
from trust_examples import example_trust

from lungml.report.trust.probabilities import calibration_block, decision_block


def test_a_slope_below_one_is_called_over_confident():
    calibration = example_trust()["calibration"]
    way = calibration["ways"]["as trained"] | {
        "slope": {"value": 0.5, "low": 0.4, "high": 0.6},
        "intercept": {"value": 0.0, "low": -0.2, "high": 0.2},
        "flagged": True,
    }
    ways = calibration["ways"] | {"as trained": way}

    block = calibration_block({"calibration": calibration | {"ways": ways, "chosen": "as trained"}})

    assert block.verdict.startswith("As trained: over-confident (slope 0.500 (0.400 to 0.600)); ")
    assert block.verdict.endswith("is more than chance.")
    assert block.tone == "worse"


@pytest.mark.parametrize(("useful", "said"), [([], "nowhere shown"), ([0.2, 0.25], "at 0.2, 0.25")])
def test_a_decision_curve_says_where_the_model_is_worth_using(useful, said):
    assert said in decision_block({"decision": example_trust()["decision"] | {"useful": useful}}).verdict
