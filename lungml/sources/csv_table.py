"""CSV files as rows of text: encoding, separator and names of columns as people write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAX_BYTES = 1 << 26
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class CsvTable:
    """A table of text; `rows` are (row number, cells), the header is row 1, empty rows are left out.

    `path` is relative to the raw folder. Cells are stripped of spaces around them; a row has at least as many
    as there are columns.
    """

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, names: Sequence[str]) -> int | None:
        """Index of the first of `names` that is a column, whatever its case; None if none is."""
        folded = [column.casefold() for column in self.columns]
        return next((folded.index(name) for name in names if name in folded), None)


def read_header(path: Path) -> tuple[str, ...]:
    """Names of the columns; () if this is no text."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    try:
        rows = [] if b"\0" in head else _cells(_text(head).partition("\n")[0])
    except csv.Error:
        rows = []
    return tuple(rows[0][1]) if rows else ()


def read_csv(raw: Path, path: str) -> CsvTable:
    """Read a table.

    Raises:
        ValueError: it is larger than 64 MiB, or no CSV; the message says which.
    """
    if (raw / path).stat().st_size > _MAX_BYTES:
        raise ValueError("more than 64 MiB")
    try:
        rows = _cells(_text((raw / path).read_bytes()))
    except csv.Error as error:
        raise ValueError(f"a row that is no CSV ({error})") from error
    header = tuple(rows[0][1]) if rows else ()
    filled = ((number, _padded(cells, len(header))) for number, cells in rows[1:] if any(cells))
    return CsvTable(path, header, tuple(filled))


def _padded(cells: list[str], width: int) -> tuple[str, ...]:
    return (*cells, *[""] * (width - len(cells)))


def _text(data: bytes) -> str:
    """UTF-8, with or without its mark; else the Windows code page, in which every byte is a character."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _cells(text: str) -> list[tuple[int, list[str]]]:
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    return [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
