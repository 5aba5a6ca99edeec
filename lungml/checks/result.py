"""What the checks found: `result.json`, the sentence a failed run ends with, and the gate that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lungml.errors import ChecksFailedError, InputError
from lungml.files import read_json, sha256_file
from lungml.labels import policy_sha256
from lungml.params.data import LabelParams

MAX_ROWS = 20
"""Rows named in `result.json`, per check."""
_ROWS_IN_MESSAGE = 5
RESULT_FILE = "result.json"
DOCS_FOLDER = "data_docs"
CHECKED_TABLES = ("series", "readings", "nodules", "crops")


@dataclass(frozen=True)
class Check:
    """One expectation and what it found.

    `severity` is critical (stops the pipeline) or warning. `rows` are keys of unexpected rows, sorted, at
    most `MAX_ROWS` of `unexpected_count`; a check of a whole table names none.
    """

    expectation: str
    column: str | None
    severity: str
    expected: str
    success: bool
    unexpected_count: int
    found: str
    rows: list[str]

    @property
    def stops(self) -> bool:
        """Whether the pipeline must not go on."""
        return not self.success and self.severity == "critical"


def build_result(
    suites: dict[str, list[Check]],
    index: Path,
    labels: LabelParams,
    *,
    about: Mapping[str, str] | None = None,
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of `result.json`: what was checked (by checksum), under which policy, and what came out.

    Args:
        suites: what the checks of each suite found.
        index: folder of the tables that were checked.
        labels: the label policy.
        about: a sentence about each suite.
        data: what the data are, as `frames.describe` says.
    """
    return {
        "success": not any(check.stops for checks in suites.values() for check in checks),
        "policy_sha256": policy_sha256(labels),
        "tables": table_sums(index),
        "data": dict(data or {}),
        "suites": [
            {
                "name": name,
                "about": (about or {}).get(name, ""),
                "success": not any(check.stops for check in checks),
                "checks": [asdict(check) for check in checks],
            }
            for name, checks in suites.items()
        ],
    }


def table_sums(index: Path) -> dict[str, str]:
    """Checksums of the tables that are checked, by name."""
    return {name: sha256_file(index / f"{name}.parquet") for name in CHECKED_TABLES}


def raise_if_failed(suites: dict[str, list[Check]], docs: Path) -> None:
    """Stop, with every failed check in one message.

    Raises:
        ChecksFailedError: a check that is no mere warning failed.
    """
    failed = [(name, check) for name, checks in suites.items() for check in checks if check.stops]
    if not failed:
        return
    total = sum(map(len, suites.values()))
    lines = "\n".join(f"  {_sentence(name, check)}" for name, check in failed)
    raise ChecksFailedError(
        f"{len(failed)} of {total} checks of the data failed:\n{lines}\n"
        f"Open {docs / 'index.html'} to see them. Mend the data, leave series out (ct.skip_series), or, if "
        "the data are right, change the contract (checks and labels in params.yaml); then run `dvc repro`"
    )


def warnings(suites: dict[str, list[Check]]) -> list[str]:
    """A sentence for each failed check that does not stop the pipeline."""
    return [
        _sentence(name, check)
        for name, checks in suites.items()
        for check in checks
        if not check.success and not check.stops
    ]


def require_success(folder: Path, index: Path, labels: LabelParams) -> None:
    """The gate of later stages: go on only if the checks held for these very tables and this policy.

    Raises:
        MissingInputError: the checks were not run.
        ChecksFailedError: they failed.
        InputError: they were run on other tables or under another policy.
    """
    path = folder / RESULT_FILE
    result = read_json(path)
    if not isinstance(result, dict) or not {"success", "tables", "policy_sha256"} <= result.keys():
        raise InputError(f"{path} is not a result of the checks; run `dvc repro validate`")
    if result["success"] is not True:
        raise ChecksFailedError(
            f"the checks of the data failed; open {folder / DOCS_FOLDER / 'index.html'} to see which, mend "
            "the data and run `dvc repro`"
        )
    if (result["tables"], result["policy_sha256"]) != (table_sums(index), policy_sha256(labels)):
        raise InputError(
            f"{path} is about other tables or another label policy than those in {index} and params.yaml; "
            "run `dvc repro validate`"
        )


def _sentence(suite: str, check: Check) -> str:
    where = suite if check.column is None else f"{suite}.{check.column}"
    shown = check.rows[:_ROWS_IN_MESSAGE]
    more = check.unexpected_count - len(shown)
    rows = f": {', '.join(shown)}" if shown else ""
    others = f" and {more} more" if shown and more > 0 else ""
    return f"{where}: expected that {check.expected}; found {check.found}{rows}{others}"
