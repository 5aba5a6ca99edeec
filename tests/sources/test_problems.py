"""What is wrong with the rows of tables, gathered and told once."""

from lungml.sources.problems import Problems


def told(problems):
    return [(item.code, item.path, item.found) for item in problems.findings()]


def test_rows_with_the_same_problem_are_one_sentence():
    problems = Problems()
    for row, text in ((4, "x: empty"), (2, "x: empty"), (3, "y: a word")):
        problems.add("LM-L005", "a.csv", row, text)

    assert told(problems) == [("LM-L005", "a.csv", "x: empty in rows 2, 4; y: a word in row 3")]


def test_each_table_and_code_is_a_finding_of_its_own():
    problems = Problems()
    problems.add("LM-L007", "b.csv", 2)
    problems.add("LM-L005", "b.csv", 3, "x: empty")
    problems.add("LM-L007", "a.csv", 0, "no row")

    assert told(problems) == [
        ("LM-L007", "a.csv", "no row"),
        ("LM-L005", "b.csv", "x: empty in row 3"),
        ("LM-L007", "b.csv", "row 2"),
    ]


def test_after_twenty_rows_only_their_number_is_told():
    problems = Problems()
    for row in range(2, 25):
        problems.add("LM-L007", "a.csv", row)

    ((_, _, found),) = told(problems)

    assert found == f"rows {', '.join(map(str, range(2, 22)))} and 3 more"


def test_rows_are_asked_for_by_table_and_without_some_codes():
    problems = Problems()
    problems.add("LM-L005", "a.csv", 2)
    problems.add("LM-L008", "a.csv", 3)
    problems.add("LM-L005", "b.csv", 4)

    assert problems.rows("a.csv") == {2, 3}
    assert problems.rows("a.csv", but=["LM-L008"]) == {2}
    assert problems.tables("LM-L005") == {"a.csv", "b.csv"}
