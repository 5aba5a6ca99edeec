"""The numbers of trust that are followed from run to run, against a `trust.json` that is written here."""

from ledger_lines import comparison, opening

from lungml.report.trust.numbers import trust_numbers

WAYS = {"as trained": {"slope": {"value": 0.5}}, "temperature": {"slope": {"value": 1.1}}}
TRUST = {
    "operating_points": [
        {"wanted_sensitivity": 0.9, "sensitivity": {"value": 0.875}, "specificity": {"value": 0.625}},
        {"wanted_sensitivity": 0.95, "sensitivity": {"value": 1.0}, "specificity": {"value": 0.25}},
    ],
    "calibration": {"ways": WAYS, "chosen": "temperature"},
    "conformal": {"covered": {"value": 0.91}, "mean_size": 1.25},
    "subgroups": {"worst": {"auroc": {"value": 0.55}}},
    "readers": {"auroc": {"model_minus_reader": {"value": -0.04}}},
    "out_of_distribution": {"abstained": {"value": 0.06}},
}
LOOKS = {"test_openings", "test_openings_without_reason", "test_comparisons"}


def test_every_number_is_under_its_own_name():
    numbers = trust_numbers(TRUST, [opening()], [])

    assert {name: value for name, value in numbers.items() if name not in LOOKS} == {
        "sensitivity_at_0.9": 0.875,
        "specificity_at_0.9": 0.625,
        "sensitivity_at_0.95": 1.0,
        "specificity_at_0.95": 0.25,
        "calibration_slope": 0.5,
        "calibration_slope_repaired": 1.1,
        "sets_cover": 0.91,
        "sets_mean_size": 1.25,
        "worst_group_auroc": 0.55,
        "minus_reader_auroc": -0.04,
        "images_abstained": 0.06,
    }


def test_how_often_the_test_part_was_looked_at_is_known_without_any_answer_of_trust():
    openings = [opening("b"), opening("c", "a bug was mended"), opening("d")]

    assert trust_numbers(None, openings, [comparison(), comparison("gate")]) == {
        "test_openings": 3,
        "test_openings_without_reason": 1,
        "test_comparisons": 2,
    }


def test_what_a_run_cannot_know_has_no_number():
    nothing = {"operating_points": None, "subgroups": {"worst": None}, "readers": {"auroc": None}}

    numbers = trust_numbers(TRUST | nothing, [], [])

    assert numbers["worst_group_auroc"] is None
    assert numbers["minus_reader_auroc"] is None
    assert not [name for name in numbers if "_at_" in name]
