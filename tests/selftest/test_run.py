import time

import pytest

from lungml.selftest.run import self_test


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_all_verdicts_are_as_they_must_be_in_less_than_ten_minutes_of_one_processor(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    started = time.process_time()

    outcomes = list(self_test())

    assert [(outcome.name, outcome.found) for outcome in outcomes if not outcome.ok] == []
    assert len(outcomes) == 29
    assert time.process_time() - started < 600
