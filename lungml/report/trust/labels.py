"""Labels to look at again, and what the disputed nodules do."""

from __future__ import annotations

import pandas as pd

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, percent, with_interval
from lungml.report.wording import number

_SHOWN = 10
_COLUMNS = ("nodule_id", "part", "given", "given_probability", "suggested", "suggested_probability")


def labels_block(trust: Json, suspicious: pd.DataFrame, class_names: list[str]) -> Block:
    """The block of `label_noise` and of table SUSPICIOUS."""
    found = trust["label_noise"]
    disputed = Grid(
        f"Without the nodules the readers dispute most ({found['disputed']['judged_by_two']} were scored by "
        "two)",
        ("left out", "nodules", "AUROC"),
        [
            (percent(point["left_out"]), str(point["n"]), with_interval(point["auroc"]))
            for point in found["disputed"]["points"]
        ],
    )
    return Block(
        "Labels to look at again",
        f"{found['suspicious']} of {found['looked_at']} labels that the model did not learn from are "
        "suspicious. The full list is suspicious_labels.parquet.",
        "Confident learning: the model is as sure of another class as it usually is of that class. It is a "
        "list for a person to look at, never a reason to leave a nodule out. The second table shows how much "
        "of the result hangs on nodules the readers themselves do not agree on.",
        "open",
        [grid for grid in (_first(suspicious, class_names), disputed) if grid.rows],
    )


def _first(suspicious: pd.DataFrame, class_names: list[str]) -> Grid:
    first = suspicious.nsmallest(_SHOWN, "rank")
    rows = [
        (
            nodule_id,
            part,
            f"{class_names[given]} ({number(given_probability, 2)})",
            f"{class_names[suggested]} ({number(suggested_probability, 2)})",
        )
        for nodule_id, part, given, given_probability, suggested, suggested_probability in zip(
            *(first[name] for name in _COLUMNS), strict=True
        )
    ]
    return Grid("The least likely labels", ("nodule", "part", "label (probability)", "model"), rows)
