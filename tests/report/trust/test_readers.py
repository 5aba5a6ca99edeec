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


def test_nodules_outside_test_are_shown_too_and_by_how_many_readers_they_have():
    trust = example_trust(Task.NODULE_FIVE)

    _, known, by_count = readers_block(trust).grids

    assert "validation nodules" in known.caption
    assert [row[0] for row in by_count.rows] == ["1", "2", "3 or more"]
    of_two = trust["readers"]["known"]["by_reader_count"][1]
    assert by_count.rows[1][1] == str(of_two["n"])
    assert len(readers_block({**trust, "readers": {**trust["readers"], "known": None}}).grids) == 1


def test_where_no_test_nodule_has_two_readers_the_others_are_still_shown():
    trust = example_trust(Task.NODULE_FIVE)
    alone = {**trust["readers"], "auroc": None, "qwk": None}

    block = readers_block({**trust, "readers": alone})

    assert block.verdict == "No test nodule was scored by two readers."
    assert len(block.grids) == 2


def test_policies_are_no_ranking_and_the_one_in_force_is_marked():
    block = policies_block(example_trust())

    assert sum("(in force)" in row[0] for row in block.grids[0].rows) == 1
    assert "no ranking" in block.reading
