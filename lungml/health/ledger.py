"""The ledger of the index: what was set aside, left out, repaired or noted, per code."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lungml.errors import InputError
from lungml.faults import FAULTS, Action
from lungml.files import read_json
from lungml.health.state import Check, State

_SHOWN = 2
_LONGEST = 100


def check_index(folder: Path) -> Iterator[Check]:
    """The size of the cohort and a line for each code, the most serious first.

    Raises:
        MissingInputError: there is no index.
        InputError: a line of the ledger cannot be read.
    """
    summary = read_json(folder / "summary.json")
    yield Check("index", State.GOOD, _cohort(summary))
    found = _by_code(folder / "quarantine.jsonl")
    order = {action.value: place for place, action in enumerate(Action)}
    for code in sorted(found, key=lambda code: (order.get(found[code][0]["action"], -1), code)):
        yield _code(code, found[code])
    if not found:
        yield Check("ledger", State.GOOD, "nothing was wrong with any file")


def _cohort(summary: dict[str, Any]) -> str:
    names = ("series", "patients", "nodules", "readings")
    text = ", ".join(f"{summary[name]:,} {name}" for name in names if isinstance(summary.get(name), int))
    guessed = "; patients are inferred from images" if summary.get("patients_inferred") else ""
    return f"{text}{guessed}"


def _code(code: str, items: list[dict[str, Any]]) -> Check:
    fault = FAULTS.get(code)
    first = tuple(f"{item['path'][:_LONGEST]}: {item['found'][:_LONGEST]}" for item in items[:_SHOWN])
    if fault is None:
        text = f"{len(items)} x; this version of lungml does not know the code: run `dvc repro index`"
        return Check(code, State.BAD, text, first)
    state = State.NOTE if fault.action in {Action.QUARANTINED, Action.SKIPPED} else State.GOOD
    return Check(
        code, state, f"{len(items)} x {fault.action}: {fault.what}. {fault.done}. {fault.advice}.", first
    )


def _by_code(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Lines of the ledger by code; read without the catalogue, so that unknown codes are seen."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if not path.is_file():
        return found
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                item = json.loads(line)
                found[item["code"]].append({name: str(item[name]) for name in ("action", "path", "found")})
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{path}, line {number} is no finding; delete it and run `dvc repro`"
                ) from error
    return found
