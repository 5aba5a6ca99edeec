"""What the study that lungml began from published: for reference, never for comparison.

Its data (2,363 nodules without patients, one split that may part a patient's nodules) are not ours, so no
difference from these figures means anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from lungml.terms import Target, Task


@dataclass(frozen=True)
class Published:
    """Weighted AUPRC on its test part, without and with five test-time views, and its chance level there."""

    raw: float
    tta: float
    chance: float
    n: int = 237


_CHANCE = {Target.BINARY: 0.634, Target.FIVE: 0.297}

SEED_STUDY = {
    task: Published(raw, tta, _CHANCE[task.target])
    for task, (raw, tta) in {
        Task.NODULE_BINARY: (0.877, 0.883),
        Task.SLICE_BINARY: (0.805, 0.825),
        Task.NODULE_FIVE: (0.549, 0.556),
        Task.SLICE_FIVE: (0.407, 0.419),
    }.items()
}
LABEL = "Seed study, as published: other data, other split"
