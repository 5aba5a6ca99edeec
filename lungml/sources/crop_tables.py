"""Which tables are of ready-made crops, told by their header alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lungml.sources.csv_table import read_header

NEEDED = ("nodule_id", "patient_id", "pixel_spacing_mm")
"""Columns without which a table is none of ready-made crops."""


def is_crops_header(columns: Sequence[str]) -> bool:
    """Whether this is a table of ready-made crops."""
    return set(NEEDED) <= {column.casefold() for column in columns}


def holds_crops(folder: Path) -> bool:
    """Whether a table of ready-made crops lies anywhere below, with an archive beside it."""
    archives = {path.parent for path in _files(folder, ".npz")}
    tables = (path for path in _files(folder, ".csv") if path.parent in archives)
    return any(is_crops_header(read_header(path)) for path in tables)


def _files(folder: Path, suffix: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix.lower() == suffix and path.is_file()]
