import numpy as np
import pytest

from lungml.evaluation.answer_table import Answers, abstention_sentence, answer_table
from lungml.terms import Target

TWO = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
FIVE = np.array([[0.1, 0.2, 0.3, 0.15, 0.25]])
FAR = np.array([-0.2, 1.5, 1.4])


def test_two_classes_are_one_column_and_five_are_six():
    far = np.zeros(1)

    assert list(answer_table(Target.BINARY, Answers(TWO[:1], far), 1.0)) == [
        "p_malignant",
        "distance",
        "out_of_distribution",
    ]
    (row,) = answer_table(Target.FIVE, Answers(FIVE, far), 1.0).to_dict("records")
    assert [row[f"p{score}"] for score in range(1, 6)] == FIVE[0].tolist()
    assert row["p_malignant"] == pytest.approx(0.4)


def test_only_what_lies_beyond_the_threshold_is_out_of_distribution():
    table = answer_table(Target.BINARY, Answers(TWO, FAR), 1.4)

    assert table["distance"].tolist() == FAR.tolist()
    assert table["out_of_distribution"].tolist() == [False, True, False]
    assert table["p_malignant"].tolist() == [0.1, 0.7, 0.5]


def test_what_is_not_known_is_missing_and_not_false():
    table = answer_table(Target.BINARY, Answers(TWO, np.full(3, np.nan)), None)

    assert table[["distance", "out_of_distribution"]].isna().to_numpy().all()


def test_the_sentence_counts_the_answers_to_abstain_from_and_says_whose_eyes_it_is():
    table = answer_table(Target.BINARY, Answers(TWO, FAR), 1.4)

    alone, of_many = (abstention_sentence(table, 1.4, members=count) for count in (1, 15))

    assert alone == (
        "1 of 3 lie farther from the images of train than 1.40: abstain from their answers "
        "(out_of_distribution)"
    )
    assert "than 1.40 (as the first of 15 members sees them): abstain" in of_many
    assert "no answer to abstain from" in abstention_sentence(table[:1], 1.4, members=1)
    assert "older lungml" in abstention_sentence(table, None, members=1)
