"""What a card says of how good a model is, of metrics and answers that are written here."""

from dataclasses import fields
from pathlib import Path

import pytest

from lungml.report.cards.measured_facts import MEASURED_FACTS
from lungml.report.cards.sources import Sources, TaskPlaces
from lungml.terms import Task

AREA = {"value": 0.8, "low": 0.7, "high": 0.87}
SHARES = {"sensitivity": AREA | {"n": 8}, "specificity": AREA | {"n": 32}}
PLACES = TaskPlaces(*(Path(field.name) for field in fields(TaskPlaces)))


def fact(name, **known):
    """A fact of a run of which only `known` is known."""
    nothing = dict.fromkeys(field.name for field in fields(Sources))
    return MEASURED_FACTS[name](Sources(**nothing | {"task": Task.NODULE_BINARY, "places": PLACES} | known))


def test_a_value_is_given_with_its_interval_and_the_file_it_is_from():
    found = fact("auroc", metrics={"raw": {"auroc": AREA}})

    assert found.text == "AUROC 0.800 (0.700 to 0.870)."
    assert found.where == Path("evaluation/metrics.json")


def test_a_threshold_is_told_with_what_it_reached_and_of_how_many():
    point = {"wanted_sensitivity": 0.9, "threshold": 0.25, **SHARES}

    found = fact("thresholds", trust={"operating_points": [point]})

    assert found.text == (
        "Thresholds of malignant, for a sensitivity of 90% on validation, 0.250: sensitivity "
        "0.800 (0.700 to 0.870) of 8, specificity 0.800 (0.700 to 0.870) of 32."
    )
    assert found.where == Path("evaluation/trust.json")


@pytest.mark.parametrize(
    ("name", "trust"),
    [
        ("thresholds", {"operating_points": None}),
        ("agreement", {"readers": {"auroc": None}}),
    ],
)
def test_what_a_run_does_not_say_is_no_fact(name, trust):
    assert fact(name, trust=trust) is None


def test_no_failures_are_shown_without_a_gallery(tmp_path):
    places = TaskPlaces(*[tmp_path] * len(fields(TaskPlaces)))
    before = fact("failures", places=places)
    (tmp_path / "gallery.png").write_bytes(b"")

    assert before is None
    assert fact("failures", places=places).where == tmp_path / "gallery.png"


def test_a_repair_of_probabilities_is_told_by_its_name_and_none_is_told_too():
    said = [
        fact("recalibration", trust={"calibration": {"chosen": chosen}}).text
        for chosen in ("as trained", "temperature")
    ]

    assert said == [
        "Tried on validation, none was better than the probabilities as trained.",
        "Of the repairs of probabilities, temperature was the best on validation.",
    ]


def test_a_policy_that_leaves_no_two_classes_is_left_out_of_the_sentence():
    rows = [{"policy": "mean", "auroc": AREA}, {"policy": "unanimous", "auroc": None}]

    found = fact("policies", trust={"policies": rows})

    assert found.text == "AUROC of the same answers under other label policies: mean 0.800."


def test_the_level_of_the_intervals_is_that_of_the_run():
    assert fact("uncertainty", metrics={"confidence": 0.9}).text.startswith("90% intervals")
