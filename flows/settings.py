"""Prefect's switches, set before it is imported, and where the project is. A value already set wins."""

from __future__ import annotations

import os
from pathlib import Path

_SWITCHES = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
}
"""No telemetry; a server for one run may take long to start on a busy machine; nothing is pickled."""


def project_root() -> Path:
    """The folder of `dvc.yaml`: `LUNGML_ROOT`, or the working directory."""
    return Path(os.environ.get("LUNGML_ROOT") or Path.cwd()).absolute()


def set_switches() -> None:
    """Set what is not set yet. Prefect's own files go to the project's `.prefect`."""
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)
    if (project_root() / "dvc.yaml").is_file():
        os.environ.setdefault("PREFECT_HOME", str(project_root() / ".prefect"))
