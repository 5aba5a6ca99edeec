"""No service of the environment is asked."""

import pytest


@pytest.fixture(autouse=True)
def _no_services(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
