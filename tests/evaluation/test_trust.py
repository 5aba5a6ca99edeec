import json
from dataclasses import replace

import numpy as np
import pytest
from trust_examples import PARAMS, example_evidence, example_trust

from lungml.errors import ModelError
from lungml.evaluation.trust import QUESTIONS, suspicious, trust
from lungml.terms import Part, Task

TASKS = [Task.NODULE_BINARY, Task.NODULE_FIVE]


@pytest.mark.parametrize("task", TASKS)
def test_every_question_is_answered_in_plain_json(task):
    found = example_trust(task)

    assert set(QUESTIONS) <= set(found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("task", TASKS)
def test_no_number_depends_on_the_order_of_the_rows(task):
    evidence = example_evidence(task)
    order = np.random.default_rng(0).permutation(len(evidence.known.rows))
    mixed = replace(
        evidence, known=replace(evidence.known, rows=evidence.known.rows.iloc[order].reset_index(drop=True))
    )

    found = trust(mixed, PARAMS)

    for name in ("operating_points", "conformal", "selective"):
        assert found[name] == example_trust(task)[name], name


def test_nothing_may_be_fitted_on_a_test_patient():
    evidence = example_evidence()
    leaked = replace(evidence, known=evidence.test)

    with pytest.raises(ModelError, match="was fixed on"):
        trust(leaked, PARAMS)


def test_test_answers_decide_no_threshold_bound_or_repair():
    """The V14 check: with other answers on test, everything that was fixed stays as it is."""
    evidence = example_evidence()
    rng = np.random.default_rng(1)
    rows = evidence.test.rows.assign(
        probabilities=[[share, 1 - share] for share in rng.random(len(evidence.test.rows))]
    )

    found = trust(replace(evidence, test=replace(evidence.test, rows=rows)), PARAMS)

    fixed, before = (
        (
            [point["threshold"] for point in one["operating_points"]],
            [row["bound"] for row in one["conformal"]["classes"]],
            [point["threshold"] for point in one["selective"]["points"]],
            (one["calibration"]["chosen"], one["calibration"]["brier_on_validation"]),
        )
        for one in (found, example_trust())
    )
    assert fixed == before


def test_without_a_malignant_nodule_in_validation_there_is_no_operating_point():
    evidence = example_evidence()
    benign = evidence.known.rows[evidence.known.rows["label"] == 0].reset_index(drop=True)

    found = trust(replace(evidence, known=replace(evidence.known, rows=benign)), PARAMS)

    assert found["operating_points"] is None
    assert found["conformal"]["classes"][1]["bound"] == 0.0


def test_suspicious_labels_are_ranked_and_of_validation():
    rows = suspicious(example_evidence(Task.NODULE_FIVE))

    assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
    assert set(rows["part"]) == {Part.VAL}
    assert rows["given_probability"].is_monotonic_increasing
