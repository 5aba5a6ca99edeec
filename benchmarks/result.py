"""What a benchmark found: a table for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

Value = str | int | float


@dataclass(frozen=True)
class Result:
    """One table; `claim` says in a sentence what it is about, `notes` what a reader must know."""

    claim: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()


def parser(claim: str) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    arguments = argparse.ArgumentParser(description=claim)
    arguments.add_argument("--json", type=Path, help="also write the result here")
    return arguments


def show(result: Result, json_file: Path | None) -> None:
    """Print the table, and write it if a file is given."""
    cells = [result.columns, *([_text(value) for value in row] for row in result.rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(result.columns))]
    print(f"\n{result.claim}\n{machine()}\n")
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    for note in result.notes:
        print(f"\n{note}")
    if json_file is not None:
        json_file.write_text(json.dumps({**asdict(result), "machine": machine()}, indent=1) + "\n")


def machine() -> str:
    """The machine in words."""
    cpus = len(os.sched_getaffinity(0))
    return f"{cpus} processors of {_processor()}, Python {platform.python_version()}"


def _processor() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()


def _text(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
