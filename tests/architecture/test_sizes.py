"""Code stays small enough to read; over a limit, find the missing noun and move it out."""

import ast

import pytest
from sources import module_name, python_files

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
SOURCES = python_files("lungml", "flows")


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_functions_are_short(path):
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )

    long = {
        function.name: lines for function in functions if (lines := body_lines(function)) > MAX_FUNCTION_LINES
    }

    assert long == {}


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_no_file_is_a_drawer_for_odds_and_ends(path):
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}


def body_lines(function):
    body = function.body
    first = body[1] if ast.get_docstring(function) and len(body) > 1 else body[0]
    return function.end_lineno - first.lineno + 1
