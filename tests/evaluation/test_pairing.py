import numpy as np
import pytest
from clustered_models import draw_clustered

from lungml.errors import InputError
from lungml.evaluation.bootstrap import draw_patients, resample
from lungml.evaluation.comparison import compare
from lungml.evaluation.keyed import KeyedAnswers
from lungml.evaluation.metrics import METRICS
from lungml.evaluation.pairing import (
    LOST_BY_CORRECTION,
    Drawing,
    compare_pairs,
    direction,
    headline_difference,
    pair_up,
)
from lungml.evaluation.tally import Cases

DRAWING = Drawing(0.95, 300, 0)
NAMES = ("old", "new")


def answers(ids, cases, rows=slice(None)):
    nodules = np.array([f"n{number:04}" for number in range(len(ids))])[rows]
    patients = np.array([f"p{number:04}" for number in ids])[rows]
    return KeyedAnswers(nodules, patients, Cases(cases.labels[rows], cases.probabilities[rows]))


def two_models(seed=0, patients=60, classes=2):
    ids, (first, second) = draw_clustered(np.random.default_rng(seed), patients, classes=classes, models=2)
    return ids, first, second


def sharper(cases, share=0.5):
    """Nearer to the truth by `share`."""
    return Cases(
        cases.labels, (1 - share) * cases.probabilities + share * np.eye(cases.classes)[cases.labels]
    )


def test_runs_are_compared_on_the_nodules_both_have():
    ids, first, second = two_models()
    count = len(ids)

    pair = pair_up(answers(ids, first, slice(10, None)), answers(ids, second, slice(0, count - 5)), NAMES)

    assert pair.alone == (5, 10)
    assert pair.first.probabilities.tolist() == first.probabilities[10 : count - 5].tolist()
    assert pair.second.probabilities.tolist() == second.probabilities[10 : count - 5].tolist()


def test_the_difference_is_the_second_minus_the_first_by_the_bootstrap_over_patients():
    ids, first, second = two_models()
    pair = pair_up(answers(ids, first), answers(ids, second), NAMES)
    draws = draw_patients(pair.patients, 300, 0)

    found = headline_difference(pair, "auroc", DRAWING)

    assert found == compare(resample(second, draws), resample(first, draws), "auroc", 0.95)


@pytest.mark.parametrize("classes", [2, 5])
def test_a_sharper_model_is_better_in_every_metric_also_where_less_is_better(classes):
    ids, first, _ = two_models(classes=classes, patients=150)
    pair = pair_up(answers(ids, first), answers(ids, sharper(first, 0.7)), NAMES)

    found = compare_pairs({"task": pair}, DRAWING)["task"]

    words = {name: row.words for name, row in found.rows.items() if direction(name)}
    assert set(words.values()) == {"better"}
    assert found.rows["brier"].difference.value < 0
    assert next(iter(found.rows)) == "weighted_auprc"


def test_a_model_beside_itself_shows_no_difference_anywhere():
    ids, first, _ = two_models()

    found = compare_pairs({"task": pair_up(answers(ids, first), answers(ids, first), NAMES)}, DRAWING)["task"]

    assert {row.words for row in found.rows.values()} == {"no difference shown"}
    assert found.delong.p is None


def test_a_claim_that_holds_alone_may_not_hold_among_four():
    ids, first, second = two_models(seed=2, patients=30)
    gain = pair_up(answers(ids, first), answers(ids, sharper(first, 0.06)), NAMES)
    none = pair_up(answers(ids, first), answers(ids, second), NAMES)

    alone = compare_pairs({"a": gain}, DRAWING)["a"].rows["weighted_auprc"]
    among = compare_pairs({"a": gain, "b": none, "c": none, "d": none}, DRAWING)["a"].rows["weighted_auprc"]

    assert (alone.words, among.words) == ("better", LOST_BY_CORRECTION)
    assert among.p_corrected == pytest.approx(4 * alone.p_corrected)
    assert among.difference == alone.difference


def test_intervals_and_words_agree_but_for_the_correction():
    ids, first, second = two_models(seed=5)
    found = compare_pairs({"a": pair_up(answers(ids, first), answers(ids, second), NAMES)}, DRAWING)["a"]

    for row in found.rows.values():
        holds_zero = row.difference.low <= 0 <= row.difference.high
        assert (row.words == "no difference shown") is holds_zero


def test_less_is_better_for_errors_and_neither_for_a_calibration_line():
    found = {name: direction(name) for name in METRICS}

    assert (found["auroc"], found["brier"], found["mae"], found["calibration_slope"]) == (1, -1, -1, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: KeyedAnswers(np.char.add(a.nodules, "x"), a.patients, a.cases), "share no test nodule"),
        (
            lambda a: KeyedAnswers(a.nodules, a.patients, Cases(1 - a.cases.labels, a.cases.probabilities)),
            "same label policy",
        ),
        (lambda a: KeyedAnswers(a.nodules, np.char.add(a.patients, "x"), a.cases), "different patients"),
        (
            lambda a: KeyedAnswers(
                a.nodules, a.patients, Cases(a.cases.labels, np.tile(a.cases.probabilities, 2))
            ),
            "runs of the same task",
        ),
    ],
)
def test_runs_that_do_not_answer_the_same_question_are_refused_in_one_sentence(change, sentence):
    ids, first, second = two_models()

    with pytest.raises(InputError, match=sentence) as error:
        pair_up(answers(ids, first), change(answers(ids, second)), NAMES)

    assert "old" in str(error.value)
