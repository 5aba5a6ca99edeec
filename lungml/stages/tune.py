"""Stage tune: choose the backbone, and the hyper-parameters of `tune.space`, of a task.

Trials train and are judged on the train and validation parts; the test part is never read, which
`access.json` shows. `lungml tune-worker` lets further processes work on the same search.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lungml.figures.search import draw_importance, draw_trials
from lungml.figures.style import save
from lungml.files import atomic_folder, read_json, sha256_file, sha256_json, write_json, write_text
from lungml.imaging.ledger import watch
from lungml.imaging.store import read_store
from lungml.params.backbones import SCREENED
from lungml.params.data import IntensityParams
from lungml.params.model import TuneParams, WeightsParams
from lungml.progress import say
from lungml.tables import SPLIT, read_table
from lungml.terms import Task
from lungml.training.assembly import as_backbone_expects, gather_data
from lungml.training.checkpoint import work_folder
from lungml.tuning.candidate import searched_names
from lungml.tuning.importance import importances
from lungml.tuning.objective import fold_scores, tuning_splits
from lungml.tuning.search import Objective, search
from lungml.tuning.storage import place_of
from lungml.tuning.trials import TrialResult, best_trial


def run(
    tune: TuneParams,
    weights: WeightsParams,
    intensity: IntensityParams,
    *,
    task: Task,
    screen: Path,
    views: Path,
    split: Path,
    out: Path,
) -> None:
    """Write what was chosen, all trials and their figures to folder `out`.

    A killed search goes on where it was. With LUNGML_TUNE_STORAGE it is kept in that database.
    """
    prepared = prepare(tune, weights, intensity, task=task, screen=screen, views=views, split=split, out=out)
    trials = sorted(work_on(prepared, tune, out), key=lambda trial: trial.number)
    _write(out, prepared, tune, trials)
    shutil.rmtree(work_folder(out), ignore_errors=True)


@dataclass(frozen=True)
class Prepared:
    """A search that can begin: `name` tells it from others, `access` says which nodules it reads."""

    task: Task
    backbone: str
    objective: Objective
    name: str
    access: dict[str, Any]


def prepare(
    tune: TuneParams,
    weights: WeightsParams,
    intensity: IntensityParams,
    *,
    task: Task,
    screen: Path,
    views: Path,
    split: Path,
    out: Path,
) -> Prepared:
    """Read the data of a search; the same parameters and files give the same search anywhere.

    Beside `out` is kept what its trainings cannot hold in memory.

    Raises:
        ModelError: a nodule of the test part was read.
    """
    store, ledger = watch(read_store(views))
    table, backbone = read_table(split, SPLIT), choose_backbone(tune.backbone, screen)
    folds = [
        as_backbone_expects(gather_data(store, each, task, intensity), backbone, weights)
        for each in tuning_splits(table, tune.folds)
    ]
    sections = [tune.model_dump(mode="json", exclude={"trials"}), weights.model_dump(mode="json")]
    sections.append(intensity.model_dump(mode="json"))
    name = sha256_json([task, backbone, sections, store.info["sha256"], sha256_file(split)])
    objective = fold_scores(tune, weights, backbone, folds, folder=out.parent)
    return Prepared(task, backbone, objective, f"{task} {name[:16]}", ledger.account(table))


def work_on(prepared: Prepared, tune: TuneParams, out: Path, *, joins: bool = False) -> Iterator[TrialResult]:
    """Search, or help a search that another process has begun; a line for each finished trial."""
    place = place_of(work_folder(out) / "study.log")
    for trial in search(tune, prepared.objective, place=place, name=prepared.name, joins=joins):
        say(f"  {prepared.backbone}, trial {trial.number + 1} of {tune.trials}: {_in_words(trial)}")
        yield trial


def choose_backbone(name: str, screen: Path) -> str:
    """The backbone of `params.yaml`, or for `screened` the best of the screening in folder `screen`."""
    if name != SCREENED:
        return name
    best: str = read_json(screen / "ranking.json")["best"]["backbone"]
    return best


def _in_words(trial: TrialResult) -> str:
    values = [
        f"{name} {value:.2g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.candidate.values.items()
    ]
    score = "diverged" if trial.score is None else f"weighted AUPRC {trial.score:.3f}"
    return f"{', '.join(values)}: {score}{', stopped early' if trial.pruned else ''}"


def _write(out: Path, prepared: Prepared, tune: TuneParams, trials: Sequence[TrialResult]) -> None:
    shares = importances(tune, trials)
    title = f"{prepared.task}: search with {prepared.backbone}"
    with atomic_folder(out) as temporary:
        write_json(temporary / "best.json", _summary(prepared, tune, trials))
        write_json(temporary / "importance.json", shares)
        write_json(temporary / "access.json", prepared.access)
        write_text(temporary / "trials.csv", _trial_table(tune, trials).to_csv(index=False))
        write_text(temporary / "scores.csv", _score_table(trials).to_csv(index=False))
        save(draw_trials(trials, title), temporary / "history.png")
        save(draw_importance(shares, title), temporary / "importance.png")


def _summary(prepared: Prepared, tune: TuneParams, trials: Sequence[TrialResult]) -> dict[str, Any]:
    best = best_trial(trials)
    return {
        "task": prepared.task.value,
        "backbone": prepared.backbone,
        **_values(tune, best),
        "weighted_auprc": best.score,
        "trials": len(trials),
        "pruned": sum(trial.pruned for trial in trials),
    }


def _trial_table(tune: TuneParams, trials: Sequence[TrialResult]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "number": trial.number,
                "state": "PRUNED" if trial.pruned else "COMPLETE",
                "value": trial.score,
                "epochs": len(trial.scores),
                **_values(tune, trial),
            }
            for trial in trials
        ]
    )


def _score_table(trials: Sequence[TrialResult]) -> pd.DataFrame:
    rows = [
        (trial.number, epoch, score) for trial in trials for epoch, score in enumerate(trial.scores, start=1)
    ]
    return pd.DataFrame(rows, columns=["number", "epoch", "score"])


def _values(tune: TuneParams, trial: TrialResult) -> dict[str, Any]:
    """Every name of the space; None for a rate that was not searched."""
    return {name: trial.candidate.values.get(name) for name in searched_names(tune)}
