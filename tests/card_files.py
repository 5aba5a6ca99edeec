"""The stage card on a finished project."""

import contextlib
from pathlib import Path

from lungml.params.card import CardParams
from lungml.params.data import AcquireParams, SplitParams
from lungml.params.evaluation import EvaluateParams
from lungml.params.task import FinetuneParams
from lungml.stages import card
from lungml.terms import Task


def write_cards(root, task=Task.NODULE_BINARY, *, statements=None, acquire=None, evaluate=None):
    """Write the cards of a task as DVC does, in the project; their folder."""
    reports = Path("reports")
    with contextlib.chdir(root):
        card.run(
            CardParams(statements=statements or {}),
            acquire or AcquireParams(),
            SplitParams(),
            FinetuneParams(),
            evaluate or EvaluateParams(),
            task=task,
            index=Path("data/index"),
            split=Path("data/split.parquet"),
            excluded=reports / "split/excluded.json",
            checked=reports / "validate",
            audited=reports / "audit",
            bundle=Path("models") / task,
            tuned=reports / "tune" / task,
            log=reports / "finetune" / task,
            evaluation=reports / "evaluate" / task,
            explanation=reports / "explain" / task,
            out=reports / "card" / task,
        )
    return root / "reports/card" / task
