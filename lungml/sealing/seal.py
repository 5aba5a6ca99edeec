"""Who may open the test part: asked before a nodule of it is looked at, entered before a number is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungml.errors import InputError
from lungml.files import sha256_file
from lungml.params.data import LabelParams
from lungml.params.evaluation import EvaluateParams
from lungml.revision import is_committed
from lungml.sealing.ledger import NAME, REASON, Opening, Sealed, enter, given_reason, read_openings
from lungml.sealing.preregistration import Preregistration, read_preregistration
from lungml.terms import Task


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


def ask(sealed: Sealed, ledger: Path, params: EvaluateParams) -> Permit:
    """Ask to open the test part.

    With `reopen: with-reason`, a second model on the same test part needs a reason. With a pre-registration,
    that must be there and committed, and a second model of the task needs a reason on whatever split.
    Otherwise every opening is allowed and written down.

    Raises:
        ParamsError: the pre-registration is not there, or is wrong.
        InputError: it is not committed, a reason is missing, or the ledger is damaged.
    """
    reason, openings = given_reason(), read_openings(ledger)
    before = [opening for opening in openings if opening.task == sealed.task]
    if params.preregistration is None:
        here = [opening for opening in before if opening.split_sha256 == sealed.split_sha256]
        if params.reopen == "with-reason":
            _need_reason(sealed, here, reason, "evaluate.reopen asks for a reason to open it again")
        return Permit(sealed, ledger, reason, None, "")
    path = Path(params.preregistration)
    registered = read_preregistration(path, Task(sealed.task))
    if is_committed(path) is False:
        raise InputError(
            f"{path} is not committed as it is now, so nobody can tell that it was written before the test "
            "part was opened; commit it and run the same command again"
        )
    _need_reason(sealed, before, reason, "A pre-registered test is opened again only with a reason")
    return Permit(sealed, ledger, reason, registered, sha256_file(path))


def _need_reason(sealed: Sealed, before: list[Opening], reason: str, rule: str) -> None:
    if before and not reason and not any(opening.is_of(sealed) for opening in before):
        raise InputError(
            f"the test part was opened {len(before)} time(s) for {sealed.task}, and this is another model. "
            f"{rule}: set {REASON} to a sentence that names nobody and run the same command again; it goes "
            f"into {NAME} and the report"
        )
