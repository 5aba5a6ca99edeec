"""One stage of `dvc.yaml`: the command, its environment, and what DVC's words and exit code mean."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from lungml.pipeline.processes import Finished

_SKIPPED = re.compile(r"(Stage )?'[^']*' (didn't change, skipping|is cached - skipping run)")
_ERROR = "ERROR: "
_BUSY = re.compile(
    r"ERROR: (failed to reproduce '[^']*': )?(Unable to acquire lock\.|'.*' is busy, it is being blocked by:)"
)
_DVC_FAILED = 255
"""DVC's exit code where it gives up, over a lock or a stage."""


class Ending(Enum):
    """How a stage ended. LOCKED: another DVC held what it needs, so trying again can help."""

    RAN = "ran"
    UP_TO_DATE = "up to date"
    FAILED = "failed"
    LOCKED = "locked by another DVC"
    OVER_TIME = "over its time"


def dvc_command(stage: str) -> list[str]:
    """What brings one stage up to date, if all it needs is."""
    return [sys.executable, "-m", "dvc", "repro", "--single-item", stage]


def stage_environment(order: Sequence[str]) -> dict[str, str]:
    """The environment of DVC: `lungml` of this Python first, lines unbuffered, the stages for counting.

    `OMP_WAIT_POLICY`: threads that wait for each other must not spin where stages run side by side. It
    changes no result; two searches at once on two cores took 38 s with it and 100 s without.
    """
    environment = dict(os.environ)
    environment.pop("DVC_ROOT", None)
    environment["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    environment["PYTHONUNBUFFERED"] = "1"
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment["LUNGML_STAGE_ORDER"] = ",".join(order)
    return environment


def ending(finished: Finished) -> Ending:
    """What DVC's words and exit code mean, whatever the stage itself said in between."""
    if finished.over_time:
        return Ending.OVER_TIME
    if finished.returncode == 0:
        return Ending.UP_TO_DATE if any(map(_SKIPPED.match, finished.lines)) else Ending.RAN
    errors = [line for line in finished.lines if line.startswith(_ERROR)]
    is_busy = finished.returncode == _DVC_FAILED and errors and _BUSY.match(errors[-1])  # DVC's is the last
    return Ending.LOCKED if is_busy else Ending.FAILED
