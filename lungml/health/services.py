"""MLflow and Prefect: whether they are configured, and whether something answers there."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lungml.health.state import Check, State

_SECONDS = 1.0


def check_services(root: Path) -> Iterator[Check]:
    """Ask both at once, so that two silent ones cost one second."""
    urls = {name: os.environ.get(name, "") for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")}
    answers = _answers([url for url in urls.values() if url.startswith("http")])
    yield _mlflow(urls["MLFLOW_TRACKING_URI"], root, answers)
    yield (
        _service("Prefect", "PREFECT_API_URL", urls["PREFECT_API_URL"], answers)
        if urls["PREFECT_API_URL"]
        else Check(
            "Prefect", State.NOTE, "not configured; the flow brings its own server, `dvc repro` needs none"
        )
    )


def _mlflow(url: str, root: Path, answers: dict[str, bool]) -> Check:
    if url.startswith("http"):
        return _service("MLflow", "MLFLOW_TRACKING_URI", url, answers)
    file = Path(url.removeprefix("sqlite:///")) if url else root / "mlruns" / "mlflow.db"
    there = "is there" if file.is_file() else "comes with the first registered model"
    return Check("MLflow", State.GOOD if file.is_file() else State.NOTE, f"the file {file}, which {there}")


def _service(name: str, variable: str, url: str, answers: dict[str, bool]) -> Check:
    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    if answers.get(url):
        return Check(name, State.GOOD, f"answers at {place}")
    return Check(
        name, State.BAD, f"{variable} names {place}, where nothing answers; start it or unset {variable}"
    )


def _answers(urls: list[str]) -> dict[str, bool]:
    """Whether something listens; a thread each, as looking up a name has no limit of its own."""
    found: dict[str, bool] = {}

    def connect(url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname or "", port), _SECONDS).close()
            found[url] = True
        except (OSError, ValueError):
            found[url] = False

    threads = [threading.Thread(target=connect, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_SECONDS)
    return dict(found)
