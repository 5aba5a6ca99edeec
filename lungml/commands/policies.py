"""`lungml policies`: how the data look under each label policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lungml.labels import POLICIES, policy_sha256, policy_table
from lungml.params import load_params
from lungml.params.data import LabelParams
from lungml.tables import NODULES, read_table

_OWN = "params.yaml"
_HEADER = ("policy", "nodules", "patients", "left out", "malignant", "of", "1", "2", "3", "4", "5", "hash")


@click.command("policies")
@click.option("--index", type=click.Path(path_type=Path), required=True, help="Folder of the index tables.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with hashes in full.")
def command(index: Path, as_json: bool) -> None:
    """Print nodules, patients, prevalence and classes under each label policy.

    The policy of params.yaml is marked with a star. Results under different policies, that is, with
    different hashes, cannot be compared.
    """
    labels = load_params().labels
    rows = policy_rows(read_table(index / "nodules.parquet", NODULES), labels)
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(_page(rows)))


def policy_rows(nodules: Any, labels: LabelParams) -> list[dict[str, Any]]:
    """Rows of `policy_table`, each with `in_force`; that of params.yaml comes last if it has no name."""
    own = policy_sha256(labels)
    named = any(policy_sha256(params) == own for params in POLICIES.values())
    table = policy_table(nodules, POLICIES if named else POLICIES | {_OWN: labels})
    return [row | {"in_force": row["sha256"] == own} for row in table]


def _page(rows: list[dict[str, Any]]) -> list[str]:
    table = [_HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADER))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    prevalence = "-" if row["prevalence"] is None else f"{row['prevalence']:.1%}"
    return (
        f"{'*' if row['in_force'] else ' '} {row['policy']}",
        str(row["nodules"]),
        str(row["patients"]),
        str(row["left_out"]),
        prevalence,
        str(row["binary_nodules"]),
        *(str(count) for count in row["classes"].values()),
        row["sha256"][:8],
    )
