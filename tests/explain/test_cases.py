import pandas as pd

from lungml.explain.cases import choose_cases, choose_sample


def test_the_surest_right_the_surest_wrong_and_the_closest_calls_are_chosen():
    test = table(
        ("a", 1, 0.95), ("b", 1, 0.70), ("c", 1, 0.60), ("d", 1, 0.02), ("e", 1, 0.30), ("f", 1, 0.49),
        ("g", 0, 0.10),
    )  # fmt: skip

    chosen = [(case.nodule_id, case.group) for case in choose_cases(test, 1) if case.label == 1]

    assert chosen == [("a", "correct"), ("d", "wrong"), ("f", "uncertain")]


def test_a_nodule_is_shown_once():
    test = table(("a", 1, 0.51), ("b", 1, 0.9))

    groups = {case.nodule_id: case.group for case in choose_cases(test, 2)}

    assert groups == {"b": "correct", "a": "correct"}


def test_equally_sure_cases_go_by_their_id_whatever_the_order_of_rows():
    rows = [("b", 1, 0.9), ("a", 1, 0.9), ("c", 1, 0.9)]

    forwards, backwards = (choose_cases(table(*order), 1) for order in (rows, rows[::-1]))

    assert forwards == backwards
    assert forwards[0].nodule_id == "a"


def test_a_class_without_cases_has_none():
    assert {case.label for case in choose_cases(table(("a", 1, 0.9)), 2)} == {1}


def test_a_sample_takes_one_nodule_a_patient_and_the_classes_in_turn():
    test = pd.DataFrame(
        {
            "nodule_id": ["a", "b", "c", "d", "e", "f"],
            "patient_id": ["P", "P", "Q", "R", "S", "T"],
            "label": [0, 1, 0, 0, 1, 0],
        }
    )

    assert choose_sample(test, 3) == ["a", "e", "c"]  # b is of the same patient as a
    assert choose_sample(test, 99) == ["a", "e", "c", "d", "f"]


def table(*rows):
    """Rows of (nodule_id, label, probability of class 1)."""
    return pd.DataFrame(
        {
            "nodule_id": [row[0] for row in rows],
            "label": [row[1] for row in rows],
            "probabilities": [[1 - row[2], row[2]] for row in rows],
        }
    )
