"""Tables of a few rows: one process reads them sooner than several start."""

import pytest


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
