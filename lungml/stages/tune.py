"""Stage tune: choose the backbone, batch size, optimizer, learning rate and head of a task.

Trials train on the train part and are judged on the validation part; the test part is never read.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from lungml.figures.search import draw_trials
from lungml.figures.style import save
from lungml.files import atomic_folder, read_json, sha256_file, sha256_json, write_json, write_text
from lungml.imaging.store import read_store
from lungml.models.freezing import schedule_of
from lungml.params.data import IntensityParams
from lungml.params.model import TuneParams, WeightsParams
from lungml.progress import say
from lungml.tables import SPLIT, read_table
from lungml.terms import Task
from lungml.training.assembly import as_backbone_expects, build_classifier, gather_data
from lungml.training.checkpoint import work_folder
from lungml.training.data import TrainingData
from lungml.training.loop import Settings, train
from lungml.training.validation import DivergedError
from lungml.tuning import Candidate, Objective, TrialResult, best_trial, search


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
    """Write `out/best.json`, `trials.csv` and `history.png`; a killed search goes on where it was."""
    store = read_store(views)
    backbone = choose_backbone(tune.backbone, screen)
    gathered = gather_data(store, read_table(split, SPLIT), task, intensity)
    data = as_backbone_expects(gathered, backbone, weights)
    sections = [section.model_dump(mode="json") for section in (tune, weights, intensity)]
    name = sha256_json([task, backbone, sections, store.info["sha256"], sha256_file(split)])
    trials = []
    for trial in search(
        tune,
        _objective(tune, weights, backbone, data),
        journal=work_folder(out) / "study.log",
        name=name,
        tune_rate=schedule_of(tune.recipe).learning_rates is None,
    ):
        trials.append(trial)
        say(f"  {backbone}, trial {trial.number + 1} of {tune.trials}: {_in_words(trial)}")
    _write(out, task, backbone, trials)
    shutil.rmtree(work_folder(out))


def choose_backbone(name: str, screen: Path) -> str:
    """The backbone of `params.yaml`, or for `screened` the best of the screening in folder `screen`."""
    if name != "screened":
        return name
    best: str = read_json(screen / "ranking.json")["best"]["backbone"]
    return best


def _objective(tune: TuneParams, weights: WeightsParams, backbone: str, data: TrainingData) -> Objective:
    def scores(candidate: Candidate) -> Iterator[float]:
        classifier = build_classifier(backbone, candidate.head, data, weights, seed=tune.seed)
        settings = Settings(
            batch_size=candidate.batch_size,
            optimizer=candidate.optimizer,
            learning_rate=candidate.learning_rate,
            head_epochs=0,
            epochs=tune.epochs,
            patience=tune.epochs,
            recipe=tune.recipe,
            seed=tune.seed,
        )
        try:
            for record in train(classifier, data, settings):
                yield record.val_weighted_auprc
        except DivergedError:
            yield math.nan

    return scores


def _in_words(trial: TrialResult) -> str:
    chosen = trial.candidate
    rate = "" if chosen.learning_rate is None else f" at {chosen.learning_rate:.2g}"
    score = "diverged" if trial.score is None else f"weighted AUPRC {trial.score:.3f}"
    return (
        f"{chosen.optimizer}{rate}, batch {chosen.batch_size}, {chosen.head} head: {score}"
        f"{', stopped early' if trial.pruned else ''}"
    )


def _write(out: Path, task: Task, backbone: str, trials: list[TrialResult]) -> None:
    best = best_trial(trials)
    summary = {
        "task": task.value,
        "backbone": backbone,
        **asdict(best.candidate),
        "weighted_auprc": best.score,
        "trials": len(trials),
        "pruned": sum(trial.pruned for trial in trials),
    }
    rows = [
        {
            "number": trial.number,
            "state": "PRUNED" if trial.pruned else "COMPLETE",
            "value": trial.score,
            "epochs": len(trial.scores),
            **asdict(trial.candidate),
        }
        for trial in trials
    ]
    with atomic_folder(out) as temporary:
        write_json(temporary / "best.json", summary)
        write_text(temporary / "trials.csv", pd.DataFrame(rows).to_csv(index=False))
        save(draw_trials(trials, f"{task}: search with {backbone}"), temporary / "history.png")
