"""Cells of a row as numbers, and what a message may say of those that are none."""

import math

import pytest

from lungml.sources.cells import Cells, shown
from lungml.sources.problems import Problems


def cell(text):
    """A row of one cell, and the problems it is noted in."""
    problems = Problems()
    return Cells({"x": text}, "points.csv", 7, problems), problems


def said(problems):
    return [(item.code, item.found) for item in problems.findings()]


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("-2e1", -20.0), ("0", 0.0)])
def test_a_number_is_read_and_nothing_is_noted(text, value):
    row, problems = cell(text)

    assert row.number("x") == value
    assert said(problems) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("1,5", "x: 1,5 in row 7"), ("nan", "x: nan in row 7"), ("Doe^Jane", "x: a word in row 7")],
)
def test_what_is_no_finite_number_is_missing_and_noted(text, found):
    row, problems = cell(text)

    assert math.isnan(row.number("x"))
    assert said(problems) == [("LM-L005", found)]


def test_an_empty_cell_is_a_problem_only_where_a_number_is_needed():
    row, problems = cell("")

    assert math.isnan(row.number("x"))
    assert said(problems) == []
    assert math.isnan(row.number("x", needed=True))
    assert said(problems) == [("LM-L005", "x: empty in row 7")]


@pytest.mark.parametrize(("text", "value"), [("5", 5), ("", 0), ("6", 0), ("3.5", 0), ("4.0", 4)])
def test_a_whole_number_is_one_of_those_allowed_or_missing(text, value):
    row, problems = cell(text)

    assert row.whole("x", range(1, 6), missing=0) == value
    assert [code for code, _ in said(problems)] == (["LM-L006"] if text in {"6", "3.5"} else [])


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "empty"), ("-1.5e3", "-1.5e3"), ("inf", "inf"), ("Ann", "a word"), ("1" * 21, "a word")],
)
def test_a_word_is_never_repeated(text, told):
    assert shown(text) == told
