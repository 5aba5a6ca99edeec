"""What docs/validity.md names is there: every requirement once, every test, and which of them are slow."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/validity.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (V\d\d) \| (.+?) \| (.*?) \| (.*?) ?\|$", PAGE, flags=re.MULTILINE)
NAMED = [
    (path, name, bool(slow))
    for _, _, shown, _ in ROWS
    for path, name, slow in re.findall(r"\[([\w/]+\.py)::(\w+)\]\(\.\./tests/\1\)( \(slow\))?", shown)
]


@cache
def marked_in(path):
    """Name of each test of a file -> whether it is slow, so that `make test` leaves it out."""
    body = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8")).body
    marks = [node for node in body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node)]
    all_slow = any("pytest.mark.slow" in ast.unparse(mark) for mark in marks)
    return {
        node.name: all_slow or "pytest.mark.slow" in map(ast.unparse, node.decorator_list)
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_requirement_has_one_row():
    assert [number for number, *_ in ROWS] == [f"V{number:02}" for number in range(1, 32)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_requirement_is_shown_or_said_not_to_be(row):
    _, requirement, shown, short = row
    links = [link for link in shown.split("<br>") if link]

    assert requirement
    assert links or "not shown" in short
    assert all(re.fullmatch(r"\[[\w/]+\.py::\w+\]\([\w./]+\)( \(slow\))?", link) for link in links)


@pytest.mark.parametrize(("path", "name", "slow"), NAMED, ids=str)
def test_a_named_test_is_there_and_slow_only_if_it_is_said(path, name, slow):
    assert marked_in(path)[name] is slow


def test_every_link_is_looked_at():
    assert len(NAMED) == PAGE.count("](../tests/")
