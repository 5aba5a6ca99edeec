"""What is said of readers and of label policies."""

from trust_examples import example_trust

from lungml.report.trust.readers import policies_block, readers_block
from lungml.terms import Task


def test_the_model_is_beside_a_reader_and_the_note_says_readers_saw_each_others_marks():
    block = readers_block(example_trust(Task.NODULE_FIVE))

    assert [row[0] for row in block.grids[0].rows] == [
        "AUROC, malignant (4, 5) or not",
        "quadratic weighted kappa, scores 1 to 5",
    ]
    assert "unblinded reading" in block.reading


def test_policies_are_no_ranking_and_the_one_in_force_is_marked():
    block = policies_block(example_trust())

    assert sum("(in force)" in row[0] for row in block.grids[0].rows) == 1
    assert "no ranking" in block.reading
