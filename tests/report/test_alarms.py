import json

import pytest

from lungml.report.alarms import alarms
from lungml.report.wording import INFERRED, REOPENED
from lungml.sealing.ledger import NAME, Sealed, enter


def open_test(root, bundle, *, split="s", reason=""):
    enter(root / NAME, Sealed("nodule-five", split, bundle), reason=reason, metrics={}, preregistered=None)


def test_a_project_with_named_patients_and_one_opening_has_none(tmp_path):
    open_test(tmp_path, "a")

    assert alarms(tmp_path) == []


def test_inferred_patients_come_first(tmp_path):
    (tmp_path / "data/index").mkdir(parents=True)
    (tmp_path / "data/index/summary.json").write_text(json.dumps({"patients_inferred": True}))
    for bundle in "ab":
        open_test(tmp_path, bundle)

    assert alarms(tmp_path) == [INFERRED, REOPENED]


@pytest.mark.parametrize("again", [{"split": "another"}, {"reason": "the first read slices upside down"}])
def test_another_test_part_or_a_reason_is_no_alarm(tmp_path, again):
    open_test(tmp_path, "a")
    open_test(tmp_path, "b", **again)

    assert alarms(tmp_path) == []
