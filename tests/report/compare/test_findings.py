from dataclasses import replace

import pytest
from compared_sides import DRAWING, NAMES, side

from lungml.errors import InputError
from lungml.report.compare.findings import compare_runs
from lungml.terms import Task


def compared(first, second):
    return compare_runs({first.task: first}, {second.task: second}, NAMES, DRAWING)


def test_the_first_sentence_says_whether_the_second_run_is_better_and_by_how_much():
    found = compared(side(), side(share=0.4, bundle="b"))

    (task,) = found.tasks
    value, low, high = task.table[0][3].replace("to", "").replace("(", "").replace(")", "").split()
    assert found.sentence == f"The second run is better: weighted AUPRC {value} ({low} to {high})."
    assert float(low) > 0
    assert (found.tone, task.table[0][4]) == ("better", "better")


def test_a_worse_run_is_called_worse():
    found = compared(side(share=0.4), side(bundle="b"))

    assert found.sentence.startswith("The second run is worse: weighted AUPRC \N{MINUS SIGN}")


def test_no_difference_is_never_called_equality():
    same_answers = compared(side(), side(bundle="b"))

    assert same_answers.sentence == "No difference shown: weighted AUPRC +0.000 (+0.000 to +0.000)."
    assert same_answers.tone == "open"


def test_the_same_model_is_said_to_be_the_same():
    assert compared(side(), side()).sentence == "Both runs hold the same model."


def test_two_models_that_nothing_tells_of_are_not_said_to_be_the_same():
    unnamed = replace(side(), lineage={})

    assert compared(unnamed, unnamed).sentence.startswith("No difference shown")


def test_several_tasks_are_counted_and_one_that_is_alone_is_named():
    first = {task: side(task) for task in (Task.NODULE_BINARY, Task.NODULE_FIVE, Task.SLICE_BINARY)}
    second = {
        Task.NODULE_BINARY: side(share=0.4, bundle="b"),
        Task.NODULE_FIVE: side(Task.NODULE_FIVE, bundle="b"),
    }

    found = compare_runs(first, second, NAMES, DRAWING)

    assert found.sentence == (
        "By weighted AUPRC, the second run is better in 1 of 2 tasks (nodule-binary) and worse in none; "
        "no difference is shown in 1 of 2 tasks (nodule-five)."
    )
    assert found.left_out == "Only one of the runs has slice-binary."


def test_what_the_runs_were_made_with_is_told_where_it_differs():
    first = side(params={"finetune.epochs": "20", "tune.trials": "4"})
    second = side(bundle="b", params={"finetune.epochs": "30", "tune.trials": "4"})

    (task,) = compared(first, second).tasks

    assert task.made.rows == [
        ("code (git commit)", "a" * 12, "b" * 12),
        ("trained model", "a" * 12, "b" * 12),
        ("finetune.epochs", "20", "30"),
    ]
    assert task.made.same == ["data", "label policy"]


def test_a_run_without_a_record_of_its_parameters_says_so():
    (task,) = compared(replace(side(), params={}), side(bundle="b")).tasks

    assert task.made.note.startswith("The first run has no record of its parameters")


def test_runs_of_other_tasks_are_refused():
    with pytest.raises(InputError, match="before has nodule-binary and after has nodule-five: they share no"):
        compared(side(), side(Task.NODULE_FIVE))


def test_runs_of_other_label_policies_are_refused():
    with pytest.raises(InputError, match=r"nodule-binary: before has the label policy mean .* after drop"):
        compared(side(), side(policy="drop (ba9876543210)"))
