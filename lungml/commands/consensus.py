"""`lungml consensus`: how much the nodules depend on what joins the readings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lungml.params import load_params
from lungml.tables import CONTOURS, READINGS, SERIES, read_table

_HEADER = ("overlap_fraction", "distance_mm", "nodules", "ambiguous", "as in force")


@click.command("consensus")
@click.option("--index", type=click.Path(path_type=Path), required=True, help="Folder of the index tables.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(index: Path, as_json: bool) -> None:
    """Print the number of nodules with other overlaps and distances than those of params.yaml.

    LIDC has no nodule identity across readers: readings that overlap or whose centres are near become one
    nodule (section `consensus`). The first line is params.yaml's; `as in force` is the share of its nodules
    that have the same readings.
    """
    from lungml.nodules.sensitivity import cohort_of, sensitivity

    tables = (read_table(index / f"{table.name}.parquet", table) for table in (READINGS, CONTOURS, SERIES))
    found = sensitivity(cohort_of(*tables), load_params().consensus)
    total = max(1, found[0].nodules)
    rows = [
        {
            "overlap_fraction": each.params.overlap_fraction,
            "distance_mm": each.params.distance_mm,
            "nodules": each.nodules,
            "ambiguous": each.ambiguous,
            "kept_share": each.kept / total,
        }
        for each in found
    ]
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(_page(rows)))


def _page(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        (
            f"{row['overlap_fraction']:g}",
            f"{row['distance_mm']:g}",
            f"{row['nodules']}",
            f"{row['ambiguous']}",
            f"{row['kept_share']:.1%}",
        )
        for row in rows
    ]
    marks = (" ", "*", *" " * (len(lines) - 1))
    return [
        f"{mark} " + "  ".join(cell.rjust(len(name)) for cell, name in zip(line, _HEADER, strict=True))
        for mark, line in zip(marks, (_HEADER, *lines), strict=True)
    ]
