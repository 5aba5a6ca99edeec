import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lungml.errors import InputError
from lungml.sealing.ledger import REASON, Sealed, enter, enter_comparison, read_comparisons, read_openings

SEALED = Sealed("nodule-binary", "a" * 64, "b" * 64)


def open_it(path, sealed=SEALED, reason=""):
    return enter(path, sealed, reason=reason, metrics={"weighted_auprc": 0.8}, preregistered=None)


def test_a_ledger_that_is_not_there_is_empty(tmp_path):
    assert read_openings(tmp_path / "ledger.jsonl") == []


def test_an_opening_says_who_when_which_code_why_and_what_came_out(tmp_path):
    open_it(tmp_path / "ledger.jsonl", reason="first release")

    (found,) = read_openings(tmp_path / "ledger.jsonl")

    assert (found.task, found.bundle_sha256, found.reason) == ("nodule-binary", "b" * 64, "first release")
    assert found.when.endswith("+00:00")
    assert len(found.git_commit) in {7, 40}
    assert "@" not in found.who
    assert found.metrics == {"weighted_auprc": 0.8}


def test_the_same_model_on_the_same_split_is_one_opening(tmp_path):
    path = tmp_path / "ledger.jsonl"

    assert open_it(path)
    before = path.read_bytes()
    assert not open_it(path, reason="measured again")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["task", "split_sha256", "bundle_sha256"])
def test_another_model_split_or_task_is_another_opening(tmp_path, name):
    path = tmp_path / "ledger.jsonl"
    open_it(path)

    assert open_it(path, replace(SEALED, **{name: "c" * 64}))
    assert len(read_openings(path)) == 2


def test_stages_that_open_it_at_the_same_time_all_leave_a_whole_line(tmp_path):
    path = tmp_path / "ledger.jsonl"
    models = [replace(SEALED, bundle_sha256=f"{number:064}") for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda sealed: open_it(path, sealed), models))

    assert {opening.bundle_sha256 for opening in read_openings(path)} == {
        sealed.bundle_sha256 for sealed in models
    }


def test_a_comparison_says_who_when_which_code_which_models_and_what_for(tmp_path, monkeypatch):
    monkeypatch.setenv(REASON, "choose a backbone")
    path = tmp_path / "ledger.jsonl"

    assert enter_comparison(path, "nodule-five", ("c" * 64, "b" * 64), "gate")

    (found,) = read_comparisons(path)
    assert (found.task, found.compared, found.purpose) == ("nodule-five", ["b" * 64, "c" * 64], "gate")
    assert found.reason == "choose a backbone"
    assert found.when.endswith("+00:00")
    assert "@" not in found.who
    assert found.git_commit


def test_comparisons_are_no_openings(tmp_path):
    path = tmp_path / "ledger.jsonl"
    enter_comparison(path, "nodule-binary", ("b" * 64, "c" * 64), "comparison")

    assert open_it(path)

    assert (len(read_openings(path)), len(read_comparisons(path))) == (1, 1)


def test_the_same_two_models_are_one_comparison_for_each_purpose_and_task(tmp_path):
    path, two = tmp_path / "ledger.jsonl", ("b" * 64, "c" * 64)
    enter_comparison(path, "nodule-binary", two, "comparison")

    assert not enter_comparison(path, "nodule-binary", two[::-1], "comparison")
    assert not enter_comparison(path, "nodule-binary", ("b" * 64, "b" * 64), "gate")
    assert enter_comparison(path, "nodule-binary", two, "gate")
    assert enter_comparison(path, "nodule-five", two, "comparison")
    assert enter_comparison(path, "nodule-binary", ("b" * 64, "d" * 64), "comparison")


@pytest.mark.parametrize(
    "line", ["{", "[]", "5", json.dumps({"task": "nodule-binary"}), json.dumps({"compared": []})]
)
def test_a_damaged_ledger_is_refused_and_its_line_named(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    open_it(path)
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(InputError, match="line 2 is no opening"):
        open_it(path, replace(SEALED, task="nodule-five"))
