import pandas as pd
import pytest

from lungml.errors import InputError
from lungml.exclusions import (
    DATA_ERRORS,
    JUDGEMENTS,
    exclude,
    excluded_in_words,
    parse_exclusions,
    record_of,
)
from lungml.terms import Part

HEADER = "nodule_id,reason,reviewer,date"


@pytest.fixture
def split():
    """Two nodules of each part."""
    parts = ["train", "train", "val", "val", "test", "test"]
    return pd.DataFrame(
        {"nodule_id": [f"n{number}" for number in range(6)], "patient_id": list("aabbcc"), "score": 3.0}
    ).assign(binary=0, five=2, part=parts, fold=[0, 1, 2, 3, -1, -1])


def follow(split, *lines):
    return exclude(split, parse_exclusions("\n".join([HEADER, *lines]))).set_index("nodule_id")


def test_the_shipped_list_is_empty():
    from sources import ROOT

    assert parse_exclusions((ROOT / "exclusions.csv").read_text()) == []


def test_a_listed_nodule_is_in_no_part_and_has_no_class(split):
    table = follow(split, "n0,blank: all air,AB,2026-03-01")

    assert table.loc["n0", ["part", "fold", "binary", "five"]].tolist() == ["excluded", -1, -1, -1]
    assert table.loc["n0", "score"] == 3.0
    assert table["part"].tolist()[1:] == ["train", "val", "val", "test", "test"]


@pytest.mark.parametrize("kind", DATA_ERRORS)
@pytest.mark.parametrize("nodule", ["n0", "n2", "n4"])
def test_an_error_in_the_data_is_a_reason_in_every_part(split, kind, nodule):
    assert follow(split, f"{nodule},{kind}: seen,AB,2026-03-01").loc[nodule, "part"] == "excluded"


@pytest.mark.parametrize("kind", JUDGEMENTS)
def test_a_judgement_is_a_reason_in_train_only(split, kind):
    assert follow(split, f"n0,{kind}: seen,AB,2026-03-01").loc["n0", "part"] == "excluded"
    for nodule, part in (("n2", Part.VAL), ("n4", Part.TEST)):
        with pytest.raises(InputError, match=f"in {part}, where {kind} is no reason.*only wrong-place"):
            follow(split, f"{nodule},{kind}: seen,AB,2026-03-01")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("n9,blank: x,AB,2026-03-01", "no nodule of the index has this id"),
        (",blank: x,AB,2026-03-01", r"line 2 \(no nodule_id\): nodule_id is empty"),
        ("n0,,AB,2026-03-01", "reason is empty"),
        ("n0,blank: x,,2026-03-01", "reviewer is empty"),
        ("n0,blank: x,AB,", "date is empty"),
        ("n0", "reviewer is empty"),
        ("n0,blank: x,AB,1.3.2026", r"the date is 1\.3\.2026, expected year-month-day"),
        ("n0,ugly: x,AB,2026-03-01", "not `kind: words` with a kind of wrong-place"),
        ("n0,blank:,AB,2026-03-01", "not `kind: words`"),
        ("n0,rank 3 of the slice view,AB,2026-03-01", "not `kind: words`"),
    ],
)
def test_a_line_that_is_not_right_is_named_with_what_is_wrong(split, line, problem):
    with pytest.raises(InputError, match=problem):
        follow(split, line)


def test_all_that_is_wrong_is_said_at_once(split):
    with pytest.raises(InputError) as caught:
        follow(split, "n9,blank: x,AB,2026-03-01", "n1,blank: x,AB,2026-03-01", "n1,atypical: x,,2026-03-01")

    message = str(caught.value)
    assert [message.count(f"line {line}") for line in (2, 3, 4)] == [1, 1, 2]
    assert message.count("it is listed 2 times") == 2


@pytest.mark.parametrize("text", ["", "nodule_id,reason\n", "n0,blank: x,AB,2026-03-01\n", "\0"])
def test_a_list_without_its_header_is_refused(text):
    with pytest.raises(InputError, match=r"list of exclusions (begins with|is no CSV)"):
        parse_exclusions(text)


def test_what_a_spreadsheet_adds_does_no_harm(split):
    text = f'\ufeff{HEADER},\r\n\r\n n0 ,"blank: ""air"", only",AB,2026-03-01,3,slice\r\n,,,\r\n'

    (found,) = parse_exclusions(text)

    assert (found.nodule_id, found.kind, found.reason) == ("n0", "blank", 'blank: "air", only')
    assert exclude(split, [found])["part"].tolist().count("excluded") == 1


def test_the_record_counts_by_kind_and_the_part_a_nodule_was_taken_from(split):
    lines = parse_exclusions(
        f"{HEADER}\nn0,blank: a,AB,2026-03-01\nn4,blank: b,AB,2026-03-01\nn1,label: c,AB,2026-03-01"
    )

    record = record_of(split, lines)

    assert record["n"] == 3
    assert record["kinds"] == {"blank": {"train": 1, "test": 1}, "label": {"train": 1}}
    assert record["nodules"][1] == {"nodule_id": "n4", "part": "test", "reason": "blank: b"}


def test_the_docs_explain_every_kind_of_reason():
    from sources import ROOT

    page = (ROOT / "docs/outliers.md").read_text(encoding="utf-8")

    for kind, meaning in DATA_ERRORS.items():
        assert f"| `{kind}` | {meaning} | every part |" in page
    for kind, meaning in JUDGEMENTS.items():
        assert f"| `{kind}` | {meaning} | train |" in page


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ({}, "No nodule is excluded."),
        ({"blank": {"test": 1}}, "1 nodule is excluded by the reviewed list: blank (1 of test)."),
        (
            {"blank": {"train": 2, "test": 1}, "label": {"train": 1}},
            "4 nodules are excluded by the reviewed list: blank (2 of train, 1 of test); label (1 of train).",
        ),
    ],
)
def test_reports_say_how_many_why_and_of_which_part(kinds, sentence):
    count = sum(sum(parts.values()) for parts in kinds.values())

    assert excluded_in_words({"n": count, "kinds": kinds}) == sentence
