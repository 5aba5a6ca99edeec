"""Leaks of the process: each step of the pipeline is put to the poison test, and then done wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lungml.models.backbones import describe_pretrained
from lungml.models.table import BACKBONES, find_backbone, lung_ct_in
from lungml.selftest import steps
from lungml.selftest.cohort import SIZE_PX, Cohort
from lungml.selftest.outcome import Outcome, in_words
from lungml.selftest.poison import Hidden, Step, Study, changed_by_poison
from lungml.terms import View

_MIDDLE = slice(SIZE_PX // 4, SIZE_PX - SIZE_PX // 4)
_NODULES = 120

RIGHT: dict[str, tuple[Step, Hidden]] = {
    "normalisation": (steps.normalisation, Hidden.VAL_AND_TEST),
    "outlier scores": (steps.outliers, Hidden.VAL_AND_TEST),
    "batches with MixUp": (steps.batches, Hidden.VAL_AND_TEST),
    "training": (steps.weights_of_all_epochs, Hidden.VAL_AND_TEST),
    "kept epoch": (steps.kept_epoch, Hidden.TEST),
    "search": (steps.search, Hidden.TEST),
    "temperature": (steps.temperature, Hidden.TEST),
    "inputs": (steps.inputs, Hidden.RATINGS),
}
"""Step of the pipeline -> what does it, and what must not change its results."""


@dataclass(frozen=True)
class Wrong:
    """A step done wrongly, in words and in deed, and what it sees that it must not."""

    planted: str
    step: Step
    hidden: Hidden


WRONG = {
    "8 scaler": Wrong("normalisation fitted on all parts", steps.normalisation_of_all, Hidden.VAL_AND_TEST),
    "9 feature selection": Wrong(
        "features selected on all parts", steps.selection_of_all, Hidden.VAL_AND_TEST
    ),
    "9 outlier removal": Wrong("outliers learnt of all parts", steps.outliers_of_all, Hidden.VAL_AND_TEST),
    "10 MixUp partner": Wrong(
        "images of train mixed with val", steps.batches_mixed_with_val, Hidden.VAL_AND_TEST
    ),
    "13 threshold or temperature": Wrong(
        "temperature fitted on test", steps.temperature_of_test, Hidden.TEST
    ),
    "14 early stopping": Wrong("the best epoch on test kept", steps.kept_epoch_by_test, Hidden.TEST),
    "15 search": Wrong("candidates ranked on test", steps.search_on_test, Hidden.TEST),
    "17 target-derived feature": Wrong(
        "readers' ratings among the inputs", steps.inputs_with_ratings, Hidden.RATINGS
    ),
}
"""Number and name as in the list of leaks that must be caught -> the leak."""


def run_process(cohort: Cohort, seed: int) -> Iterator[Outcome]:
    """Every step as it is, none of which may change, then every wrong one; and weights that know lung CT."""
    study = make_study(cohort)
    changed = {
        f"{name}: {result}"
        for name, (step, hidden) in RIGHT.items()
        for result in changed_by_poison(step, study, hidden, seed)
    }
    yield Outcome("the pipeline's steps", "nothing", in_words(()), in_words(changed), not changed)
    for name, wrong in WRONG.items():
        found = changed_by_poison(wrong.step, study, wrong.hidden, seed)
        seen = f"a result that changes with {wrong.hidden}"
        yield Outcome(name, wrong.planted, seen, in_words(found), bool(found))
    yield weights_that_know_lung_ct()


def make_study(cohort: Cohort) -> Study:
    """The first nodules of a cohort, the middle of their views, ordered as they are."""
    rows = cohort.nodules.iloc[:_NODULES]
    middle = cohort.images[View.NODULE][:_NODULES, None, _MIDDLE, _MIDDLE]
    return Study(
        images_hu=np.ascontiguousarray(middle),
        labels=rows["binary"].to_numpy(np.int64),
        ratings=cohort.ratings[:_NODULES],
        parts=rows["part"].to_numpy(str),
        folds=rows["fold"].to_numpy(np.int64),
    )


def weights_that_know_lung_ct() -> Outcome:
    """A row of the table of backbones that says its weights were trained on LUNA16.

    What a file of weights was trained on cannot be seen from the file: only what is said of it is checked.
    """
    clean = [name for name in BACKBONES if lung_ct_in(find_backbone(name).trained_on)]
    note = describe_pretrained(replace(find_backbone("resnet18"), trained_on="ImageNet-1k, LUNA16"))
    return Outcome(
        "18 pretrained weights",
        "weights declared as trained on LUNA16 (undeclared training cannot be seen)",
        "the note on weights says LEAK and names LUNA16",
        note.partition("; ")[2] or in_words(()),
        "LEAK" in note and note.endswith("LUNA16") and not clean,
    )
