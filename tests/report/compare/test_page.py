import re

import pytest
from browser import needs_browser, shown
from compared_sides import DRAWING, NAMES, side

from lungml.report.compare.findings import compare_runs
from lungml.report.compare.page import comparison_page
from lungml.terms import Task


@pytest.fixture(scope="module")
def found():
    first = {task: side(task) for task in (Task.NODULE_BINARY, Task.NODULE_FIVE)}
    second = {
        task: side(task, share=0.4, bundle="b", params={"finetune.epochs": "<b>30</b>"}) for task in first
    }
    return compare_runs(first, second, NAMES, DRAWING)


@pytest.fixture(scope="module")
def page(found):
    return comparison_page(found)


def test_the_answer_is_the_first_sentence_below_the_heading(page, found):
    below = page.split("</h1>")[1]

    assert re.sub(r"<[^>]+>", "", below).strip().startswith(found.sentence)


def test_every_metric_of_both_runs_is_on_the_page_with_its_difference(page, found):
    for task in found.tasks:
        for row in task.table:
            assert all(cell in page for cell in row)
            assert "(" in row[1]


def test_the_page_refers_to_nothing_else_and_runs_nothing(page):
    assert "<script" not in page
    assert "<b>30" not in page
    assert "&lt;b&gt;30" in page
    assert not re.search(r'(src|href)="(?!#)', page)


def test_equal_runs_give_equal_bytes(page, found):
    assert comparison_page(found) == page


@needs_browser
@pytest.mark.parametrize("width_px", [390, 1200])
def test_a_browser_shows_it_without_sideways_scrolling_or_any_request(page, tmp_path, width_px):
    seen = shown(page, tmp_path, width_px)

    assert seen["width"] <= width_px
    assert seen["requests"] == []
