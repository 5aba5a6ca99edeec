import json
from copy import copy

import pytest

from lungml.errors import InputError, MissingInputError
from lungml.faults import FAULTS, Action
from lungml.quarantine import (
    PathMask,
    RefusedError,
    counts,
    finding,
    masked,
    read_findings,
    write_findings,
)


def test_a_finding_is_a_sentence_with_what_was_found_and_what_to_do():
    item = finding("LM-D001", "a/b.dcm", "8191 bytes", "8192")

    assert item.text == (
        "the file ends early: found 8191 bytes, expected 8192. The series is set aside. "
        "Fetch or export the series again."
    )
    assert item.action is Action.QUARANTINED


def test_a_ledger_comes_back_sorted(tmp_path):
    items = [
        finding("LM-X004", "b.xml", "0"),
        finding("LM-D001", "b.dcm", "1"),
        finding("LM-D001", "a.dcm", "1"),
    ]

    write_findings(tmp_path / "quarantine.jsonl", items)

    assert read_findings(tmp_path / "quarantine.jsonl") == sorted(items)
    lines = (tmp_path / "quarantine.jsonl").read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["a.dcm", "b.dcm", "b.xml"]


def test_counts_are_per_code_and_action():
    items = [finding("LM-D001", "a", "1"), finding("LM-D001", "b", "1"), finding("LM-D041", "c", "1")]

    assert counts(items, Action.QUARANTINED) == {"LM-D001": 2}
    assert counts(items, Action.REPAIRED) == {"LM-D041": 1}


def test_a_missing_or_spoilt_ledger_is_said_so(tmp_path):
    path = tmp_path / "quarantine.jsonl"
    with pytest.raises(MissingInputError):
        read_findings(path)
    path.write_text('{"code": "LM-D001"}\n')

    with pytest.raises(InputError, match="line 1 is not a finding"):
        read_findings(path)


def test_parts_of_a_path_that_name_a_patient_are_hidden():
    mask = PathMask(["Doe", "MRN12345", "19500101", "J"])

    path = mask("export/DOE^JANE 1/scan_19500101/mrn12345.dcm")

    assert not any(word in path.casefold() for word in ("doe", "jane", "1950", "mrn"))
    assert path.startswith("export/hidden-")
    assert path.endswith(".dcm")
    assert mask("export/J/1.dcm") == "export/J/1.dcm"


def test_hidden_parts_can_still_be_told_apart():
    mask = PathMask(["Doe"])

    assert mask("doe-1/a.dcm") != mask("doe-2/a.dcm")
    assert [item.path for item in masked([finding("LM-D001", "doe-1/a.dcm", "1")], mask)] == [
        mask("doe-1/a.dcm")
    ]


def test_a_refusal_survives_the_way_between_processes():
    error = RefusedError(finding("LM-D042", "a.dcm", "another image"))

    assert copy(error).finding == error.finding  # copied by the rules of pickle


def test_an_unknown_code_is_a_bug():
    with pytest.raises(KeyError):
        finding("LM-D999", "a", "b")


@pytest.mark.parametrize("code", FAULTS)
def test_a_row_of_the_catalogue_makes_whole_sentences(code):
    fault = FAULTS[code]

    for part in (fault.what, fault.done, fault.advice):
        assert part
        assert not part.endswith(".")
    assert fault.done[0].isupper()
    assert fault.advice[0].isupper()
