"""What the machine did while a model was trained, under MLflow's names; the register stage sends it.

It is measured beside the training and kept beside the bundle, in no output of a stage: those are the same
bytes on every machine. Names and units are those of MLflow's own monitors, so its page of system metrics
shows them; `process_memory_usage_megabytes` and what an epoch took are ours.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from lungml.errors import ParamsError
from lungml.files import read_json, write_json
from lungml.meters import meters, read

_INTERVAL = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"


@dataclass(frozen=True)
class Measurement:
    """One number under its name in MLflow; `step` counts samples from 0, or is an epoch from 1.

    `time_ms` is since 1970, UTC.
    """

    name: str
    value: float
    time_ms: int
    step: int


@contextmanager
def sampled(log: Path) -> Iterator[None]:
    """Append a line of JSON on this machine to `log` every few seconds, and one when the block ends.

    `MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL` says how many (default 10). What cannot be measured or written
    is left out: no training ends for it.

    Raises:
        ParamsError: the interval is not a number above 0.
    """
    interval_s, done = _interval_s(), Event()
    thread = Thread(target=_sample, args=(log, interval_s, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def read_samples(log: Path) -> list[Measurement]:
    """What `sampled` wrote, of all runs that went on from each other, without a line that was cut short."""
    found: list[Measurement] = []
    for step, line in enumerate(log.read_text(encoding="utf-8").splitlines() if log.is_file() else ()):
        with suppress(ValueError):
            sample = json.loads(line)
            found += [
                Measurement(f"system/{name}", value, sample["time_ms"], step)
                for name, value in sample["values"].items()
            ]
    return found


def keep(bundle: Path, bundle_sha256: str, measured: Sequence[Measurement]) -> None:
    """Lay measurements beside the folder of the bundle that they are of."""
    rows = [asdict(each) for each in measured]
    write_json(_kept_beside(bundle), {"bundle_sha256": bundle_sha256, "measured": rows})


def kept(bundle: Path, bundle_sha256: str) -> list[Measurement]:
    """The measurements of this bundle; none if it was trained on another machine, or before another one."""
    path = _kept_beside(bundle)
    value: dict[str, Any] = read_json(path) if path.is_file() else {}
    if value.get("bundle_sha256") != bundle_sha256:
        return []
    return [Measurement(**row) for row in value["measured"]]


def _kept_beside(bundle: Path) -> Path:
    return bundle.with_name(f".{bundle.name}.system-metrics.json")


def _interval_s() -> float:
    text = os.environ.get(_INTERVAL) or "10"
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise ParamsError(f"{_INTERVAL} is {text!r}; expected a number of seconds above 0")


def _sample(log: Path, interval_s: float, done: Event) -> None:
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        asked = meters()
        with log.open("a", encoding="utf-8") as stream:
            ended = False
            while not ended:
                ended = done.wait(interval_s)
                values = {name: value for meter in asked for name, value in read(meter).items()}
                stream.write(json.dumps({"time_ms": time.time_ns() // 1_000_000, "values": values}) + "\n")
                stream.flush()
