"""Who may open the test part: asked before a nodule of it is looked at, entered before a number is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungml.errors import InputError
from lungml.files import sha256_file
from lungml.params.data import LabelParams
from lungml.revision import is_committed
from lungml.sealing.ledger import Sealed, enter, read_openings
from lungml.sealing.preregistration import Preregistration, read_preregistration
from lungml.terms import Task

REASON = "LUNGML_TEST_REASON"
"""Environment variable with the reason; it changes no result, so it is no parameter."""


@dataclass(frozen=True)
class Permit:
    """The test part of one model may be opened."""

    sealed: Sealed
    ledger: Path
    reason: str
    registered: Preregistration | None
    registered_sha256: str

    def enter(self, metrics: Mapping[str, Any], labels: LabelParams) -> bool:
        """Write the opening into the ledger with its headline and what differs from what was registered.

        Args:
            metrics: content of `metrics.json`.
            labels: the policy behind them.

        Returns:
            False if the same model was judged on the same split before: then nothing is written.
        """
        headline = metrics["raw"]["weighted_auprc"]
        shown = {f"weighted_auprc{end}": headline[part] for end, part in _ENDS.items()}
        registered = None
        if self.registered is not None:
            registered = {
                **self.registered.model_dump(mode="json"),
                "sha256": self.registered_sha256,
                "deviations": self.registered.deviations(metrics, labels),
            }
        return enter(self.ledger, self.sealed, reason=self.reason, metrics=shown, preregistered=registered)


_ENDS = {"": "value", "_low": "low", "_high": "high"}


def ask(sealed: Sealed, ledger: Path, preregistration: str | None) -> Permit:
    """Ask to open the test part.

    Without a pre-registration every opening is allowed and written down. With one, it must be there and
    committed, and a second model of the task needs a reason.

    Raises:
        ParamsError: the pre-registration is not there, or is wrong.
        InputError: it is not committed, a reason is missing, or the ledger is damaged.
    """
    reason = " ".join(os.environ.get(REASON, "").split())
    openings = read_openings(ledger)
    if preregistration is None:
        return Permit(sealed, ledger, reason, None, "")
    path = Path(preregistration)
    registered = read_preregistration(path, Task(sealed.task))
    if is_committed(path) is False:
        raise InputError(
            f"{path} is not committed as it is now, so nobody can tell that it was written before the test "
            "part was opened; commit it and run the same command again"
        )
    before = [opening for opening in openings if opening.task == sealed.task]
    if before and not reason and not any(opening.is_of(sealed) for opening in before):
        raise InputError(
            f"the test part was opened {len(before)} time(s) for {sealed.task}, and this is another model. A "
            f"pre-registered test is opened again only with a reason: set {REASON} to a sentence that names "
            "nobody; it goes into test-ledger.jsonl and the report"
        )
    return Permit(sealed, ledger, reason, registered, sha256_file(path))
