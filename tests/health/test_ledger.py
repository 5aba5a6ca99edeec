"""What the doctor says of the ledger of an index."""

import json

import pytest
from health_checks import by_title

from lungml.errors import InputError, MissingInputError
from lungml.health.ledger import check_index
from lungml.health.state import State
from lungml.quarantine import finding, write_findings


@pytest.fixture
def index(tmp_path):
    findings = [finding("LM-D001", f"a/{n}.dcm", f"{n} bytes", "more") for n in range(5)]
    findings += [finding("LM-D041", "b.dcm", "2 files")]
    write_findings(tmp_path / "quarantine.jsonl", findings)
    summary = {"series": 3, "patients": 2, "nodules": 7, "readings": 20, "patients_inferred": True}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_the_ledger_is_told_per_code_with_the_first_examples(index):
    first, *codes = check_index(index)

    assert first.text == "3 series, 2 patients, 7 nodules, 20 readings; patients are inferred from images"
    assert [check.title for check in codes] == ["LM-D001", "LM-D041"]
    assert codes[0].text.startswith("5 x quarantined: the file ends early.")
    assert codes[0].more == ("a/0.dcm: 0 bytes", "a/1.dcm: 1 bytes")
    assert codes[0].state is State.NOTE


def test_a_code_that_is_not_in_the_catalogue_needs_a_look(index):
    with (index / "quarantine.jsonl").open("a") as stream:
        stream.write('{"code": "LM-Q999", "action": "none", "path": "p", "found": "f"}\n')

    check = by_title(check_index(index))["LM-Q999"]

    assert check.state is State.BAD


def test_a_broken_ledger_is_told_with_its_line(index):
    (index / "quarantine.jsonl").write_text("{}\n")

    with pytest.raises(InputError, match="line 1 is no finding"):
        list(check_index(index))


def test_an_index_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingInputError):
        list(check_index(tmp_path))
