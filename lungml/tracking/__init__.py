"""Runs, the model registry and promotion: the only door to MLflow.

Every stage writes its record as files first; this package projects those files to MLflow, by content, so
that sending the same files twice makes nothing new and a server that was down loses nothing.

    record.py        one trained model as files: what would be sent, and its checksum
    store.py         where MLflow is, and a session with it
    runs.py          a record -> a run with parameters, metrics, figures and data
    searches.py      the search of a record -> a run, with a child run for each trial
    registry.py      a record -> a version of the task's registered model, with aliases
    fetching.py      a registered model -> its bundle as files
    gate.py          what a challenger must show beside the champion
    promotion.py     which version is champion, and who decided it
    served_model.py  what MLflow loads: the bundle with its own preprocessing; nothing is pickled

MLflow reads these settings when it is imported, so they are set here, before any module of this package
imports it: no telemetry, no pickled models, a server that does not answer gives up soon. A value that is
already set wins.
"""

from __future__ import annotations

import os

_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}

for _name, _value in _SWITCHES.items():
    os.environ.setdefault(_name, _value)
