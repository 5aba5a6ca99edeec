"""What is wrong with the rows of tables: gathered first, so that all of it is said at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lungml.quarantine import Finding, finding

_SHOWN = 20


class Problems:
    """Problems by table and code; one finding each, with the numbers of the rows (the header is row 1)."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)

    def add(self, code: str, table: str, row: int, found: str = "") -> None:
        """Note a problem of a row (0: of the table as a whole). `found` names no patient."""
        self._rows[table, code].append((row, found))

    def rows(self, table: str, but: Sequence[str] = ()) -> set[int]:
        """Rows of a table that have a problem other than those of the codes in `but`."""
        return {
            row
            for (path, code), rows in self._rows.items()
            if path == table and code not in but
            for row, _ in rows
        }

    def tables(self, code: str) -> set[str]:
        """Tables, or files, that have a problem of this code."""
        return {path for path, found in self._rows if found == code}

    def findings(self) -> list[Finding]:
        """One for each table and code."""
        return [finding(code, table, _listed(rows)) for (table, code), rows in sorted(self._rows.items())]


def _listed(rows: list[tuple[int, str]]) -> str:
    """What was found, each with its rows."""
    by_text: dict[str, list[int]] = defaultdict(list)
    for row, found in sorted(rows):
        by_text[found].append(row)
    texts = [_text(found, numbers) for found, numbers in list(by_text.items())[:_SHOWN]]
    more = f" and {len(by_text) - _SHOWN} more" if len(by_text) > _SHOWN else ""
    return "; ".join(texts) + more


def _text(found: str, numbers: list[int]) -> str:
    if numbers == [0]:
        return found
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    rows = f"row{'s' if len(numbers) > 1 else ''} {shown}{more}"
    return f"{found} in {rows}" if found else rows
