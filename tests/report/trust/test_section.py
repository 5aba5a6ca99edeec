import re

import pytest
from ledger_lines import comparison, opening
from trust_examples import example_evidence, example_trust

from lungml.evaluation.trust import QUESTIONS, suspicious
from lungml.report.trust.block import percent
from lungml.report.trust.groups import groups_block
from lungml.report.trust.images import images_block
from lungml.report.trust.labels import labels_block
from lungml.report.trust.openings import openings_block
from lungml.report.trust.operating import operating_block
from lungml.report.trust.pathology import pathology_block
from lungml.report.trust.probabilities import calibration_block, decision_block
from lungml.report.trust.readers import policies_block, readers_block
from lungml.report.trust.section import BLOCKS
from lungml.report.trust.sets import sets_block
from lungml.report.wording import CAPTIONS
from lungml.terms import Task

SHARE = {"value": 0.8, "low": 0.7, "high": 0.87, "n": 40, "patients": 30}


def test_every_answer_of_trust_has_a_block():
    assert set(BLOCKS) == set(QUESTIONS) - {"label_noise"} | {"out_of_distribution"}


@pytest.mark.parametrize("task", [Task.NODULE_BINARY, Task.NODULE_FIVE])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_says_what_was_found_and_how_to_read_it(task, name):
    block = BLOCKS[name](example_trust(task))

    for words in (block.verdict, block.reading):
        assert re.fullmatch(r"[A-Z0-9].*[.]", words), words
        assert "None" not in words
    assert block.tone in {"better", "worse", "open"}
    assert block.figure is None or ("evaluate", block.figure) in CAPTIONS
    for grid in block.grids:
        assert grid.rows
        assert {len(row) for row in grid.rows} == {len(grid.header)}


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


def test_sets_that_hold_a_class_less_often_than_promised_are_marked():
    found = example_trust()["conformal"]
    short = [row | {"covered": {**SHARE, "high": 0.85}} for row in found["classes"]]

    assert sets_block({"conformal": found | {"classes": short}}).tone == "worse"


def test_a_worst_group_is_called_worse_only_if_it_is_shown_to_be():
    found = example_trust()["subgroups"]
    worst = found["worst"]

    shown, not_shown = (
        groups_block({"subgroups": found | {"worst": worst | {"shown": shown}}}).verdict
        for shown in (True, False)
    )

    assert shown.startswith("Worse in one group: ")
    assert not_shown.startswith("No group is shown to be worse")


def test_wrong_images_that_are_not_noticed_are_named():
    assert "does not tell these wrong images from right ones: blank" in images_block(example_trust()).verdict


def test_the_model_is_beside_a_reader_and_the_note_says_readers_saw_each_others_marks():
    block = readers_block(example_trust(Task.NODULE_FIVE))

    assert [row[0] for row in block.grids[0].rows] == [
        "AUROC, malignant (4, 5) or not",
        "quadratic weighted kappa, scores 1 to 5",
    ]
    assert "unblinded reading" in block.reading


def test_policies_are_no_ranking_and_the_one_in_force_is_marked():
    block = policies_block(example_trust())

    assert sum("(in force)" in row[0] for row in block.grids[0].rows) == 1
    assert "no ranking" in block.reading


def test_diagnoses_are_a_table_of_their_own_and_few_patients_are_called_few():
    area = {"value": 0.8, "low": 0.6, "high": 0.9}
    found = {"patients": 20, "malignant": 8, "unknown": 2, "small": True, "model_minus_readers": area}
    found["auroc"] = {"model": area, "readers": area, "diameter": area}

    few, many = (pathology_block({"pathology": found | {"small": small}}) for small in (True, False))

    assert "enters no other number" in few.reading
    assert [row[0] for row in few.grids[0].rows] == ["the model", "the readers' mean score", "diameter only"]
    assert "That is few" in few.verdict
    assert "That is few" not in many.verdict


def test_suspicious_labels_name_the_label_and_what_the_model_would_say():
    evidence = example_evidence()
    rows = suspicious(evidence)

    block = labels_block(example_trust(), rows, list(Task.NODULE_BINARY.target.class_names))

    first = block.grids[0].rows[0]
    assert first[0] == rows.set_index("rank").loc[1, "nodule_id"]
    assert {first[2].split(" (")[0], first[3].split(" (")[0]} == {"benign", "malignant"}
    assert "never a reason to leave a nodule out" in block.reading


def test_a_test_part_opened_once_is_said_to_be():
    block = openings_block([opening()], [], "b" * 64)

    assert block.verdict == "The test part was opened once for this task."
    assert block.tone == "better"
    assert block.grids[0].rows == [("1", "b" * 12 + " (this one)", "f" * 12, "the first", "0.812", "nothing")]


def test_openings_again_are_counted_and_those_without_a_reason_too():
    block = openings_block([opening(), opening("c", "a bug was mended"), opening("d")], [], "d" * 64)

    assert "opened 3 times" in block.verdict
    assert "1 time(s) of these again without a reason" in block.verdict
    assert [row[3] for row in block.grids[0].rows] == ["the first", "a bug was mended", "no reason given"]
    assert block.tone == "worse"


def test_comparisons_of_saved_answers_are_told_with_what_they_were_for():
    lines = [comparison("gate"), comparison(reason="choose a backbone")]

    block = openings_block([opening()], lines, "b" * 64)

    assert "compared 2 times (1 by the promotion gate)" in block.verdict
    models = f"{'b' * 12} and {'c' * 12}"
    assert block.grids[1].rows == [
        (models, "the promotion gate", "f" * 12, "no reason given"),
        (models, "a person who compared runs", "f" * 12, "choose a backbone"),
    ]


def test_who_and_when_stay_in_the_ledger_so_that_equal_histories_give_equal_pages():
    block = openings_block([opening()], [], "b" * 64)

    assert "2026" not in str(block)
    assert "0123456789ab" not in str(block)


def test_what_was_registered_before_is_told_with_what_does_not_hold():
    registered = {
        "primary_metric": "weighted_auprc",
        "compared_with": "diameter",
        "policy": "mean",
        "n": 237,
        "sha256": "e" * 64,
        "deviations": ["237 nodules (found 231)"],
    }

    (row,) = openings_block([opening(preregistered=registered)], [], "b" * 64).grids[0].rows

    assert row[-1] == (
        "weighted_auprc against diameter, policy mean, n 237; does not hold: 237 nodules (found 231)"
    )


@pytest.mark.parametrize(("value", "said"), [(0.0, "0 %"), (0.005, "0.5 %"), (0.05, "5 %"), (0.928, "93 %")])
def test_shares_are_whole_percents_but_for_small_ones(value, said):
    assert percent(value) == said
