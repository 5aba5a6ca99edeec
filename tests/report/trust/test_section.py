"""Every answer of trust has its block, and each block says what was found and how to read it."""

import re

import pytest
from trust_examples import example_trust

from lungml.evaluation.trust import QUESTIONS
from lungml.report.trust.section import BLOCKS
from lungml.report.wording import CAPTIONS
from lungml.terms import Task


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
