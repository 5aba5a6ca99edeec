"""What is said of thresholds."""

import pytest
from trust_examples import example_trust

from lungml.report.trust.operating import operating_block

SHARE = {"value": 0.8, "low": 0.7, "high": 0.87, "n": 40, "patients": 30}


@pytest.mark.parametrize(
    ("low", "high", "said", "tone"),
    [
        (0.7, 0.95, "within the interval", "open"),
        (0.6, 0.85, "did not carry over", "worse"),
        (0.92, 0.99, "more than wanted", "open"),
    ],
)
def test_a_threshold_is_held_to_what_it_was_fixed_for(low, high, said, tone):
    points = example_trust()["operating_points"]
    point = {**points[0], "sensitivity": {**SHARE, "low": low, "high": high}}

    block = operating_block({"operating_points": [point]})

    assert said in block.verdict
    assert block.tone == tone
    assert "positive predictive value at 5 %" in block.grids[0].header


def test_without_a_threshold_the_reason_is_said():
    assert "no malignant nodule" in operating_block({"operating_points": None}).verdict
