"""Subgroups of nodules, and the worst of them."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, with_interval


def groups_block(trust: Json) -> Block:
    """The block of `subgroups`."""
    found = trust["subgroups"]
    absent = found["absent"]
    reading = (
        "AUROC of malignant or not does not depend on how common malignant nodules are in a group, so groups "
        "can be compared. Of many groups one is always lowest; it is called worse only if it stays so after "
        f"a correction for all {found['compared']} groups compared. Groups below 20 nodules are too few."
        + (f" All nodules are alike, or nothing is recorded, in: {', '.join(absent)}." if absent else "")
    )
    rows = [
        (
            f"{row['grouping']}: {row['group']}",
            str(row["n"]),
            str(row["patients"]),
            str(row["malignant"]),
            "too few" if row["too_few"] else with_interval(row["auroc"]),
            "" if row["too_few"] else with_interval(row["minus_others"], difference=True),
            str(row["rank"] or ""),
        )
        for row in found["groups"]
    ]
    header = ("group", "nodules", "patients", "malignant", "AUROC", "minus the others", "rank, 1 is worst")
    shown = found["worst"] is not None and found["worst"]["shown"]
    return Block(
        "Subgroups",
        _verdict(found["worst"]),
        reading,
        "worse" if shown else "open",
        [Grid("Groups of the test part", header, rows)],
        "subgroups",
    )


def _verdict(worst: Json | None) -> str:
    if worst is None:
        return "No group is large enough to be compared with the others."
    name = f"{worst['grouping']}, {worst['group']}"
    values = (
        f"AUROC {with_interval(worst['auroc'])}, {with_interval(worst['minus_others'], difference=True)} "
        "beside the others"
    )
    if worst["shown"]:
        return f"Worse in one group: {name}: {values}."
    return f"No group is shown to be worse than the others. Nearest to it: {name}: {values}."
