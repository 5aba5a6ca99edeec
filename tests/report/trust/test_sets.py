"""What is said of prediction sets."""

from trust_examples import example_trust

from lungml.report.trust.sets import sets_block

SHARE = {"value": 0.8, "low": 0.7, "high": 0.87, "n": 40, "patients": 30}


def test_sets_that_hold_a_class_less_often_than_promised_are_marked():
    found = example_trust()["conformal"]
    short = [row | {"covered": {**SHARE, "high": 0.85}} for row in found["classes"]]

    assert sets_block({"conformal": found | {"classes": short}}).tone == "worse"
