"""Rank backbones and depths for one task by linear probes, beside what needs no trained backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lungml.embeddings import has_twin, read_embeddings
from lungml.errors import InputError, MissingInputError
from lungml.evaluation.baselines import size_features
from lungml.figures.screening import screening_curve, screening_heatmap
from lungml.figures.style import save
from lungml.files import atomic_folder, write_json, write_text
from lungml.imaging.store import read_store
from lungml.params.model import ScreenParams
from lungml.progress import track
from lungml.screening import (
    Cell,
    Cohort,
    Verdict,
    chance_levels,
    coarse_pixels,
    draw_folds,
    judge,
    rank_cells,
    ranking_stability,
    tied_with_best,
)
from lungml.tables import NODULES, SPLIT, read_table
from lungml.terms import Part, Task

_METHOD = (
    "Linear probes (standardised, principal components, logistic regression with balanced classes) on train "
    "and validation only, {repeats} x {folds}-fold cross-validation by patient. Values: mean over repeats of "
    "the metric on all out-of-fold probabilities; 95 % intervals: jackknife over patients. Tied: not told "
    "apart from the best by paired differences over folds (corrected resampled t-test, Bonferroni)."
)


@dataclass(frozen=True)
class _Screened:
    """What is known once all cells of a task are judged."""

    task: Task
    weights: str
    cohort: Cohort
    cells: Mapping[Cell, Verdict]
    twins: Mapping[Cell, Verdict]
    """The same backbones with random weights, where `cells` are of pretrained ones."""
    diameter: Verdict
    pixels: Verdict
    neighbours_kept: Mapping[Cell, float]
    """Share of a nodule's ten nearest that stay when its image is slightly changed."""


def run(
    params: ScreenParams, *, task: Task, embeddings: Path, views: Path, split: Path, index: Path, out: Path
) -> None:
    """Write `out/ranking.json`, `ranking.csv`, `heatmap.png` and `curve.png`.

    Raises:
        MissingInputError: there are no embeddings.
        InputError: a nodule has no embedding, or there are too few patients.
    """
    nodules = _nodules(task, split, index)
    cohort = Cohort(
        nodules[task.target].to_numpy(dtype="int64"),
        nodules["patient_id"].to_numpy(dtype=str),
        len(task.target.class_names),
    )
    with threadpool_limits(1):  # sums depend on their number; small matrices
        folds = draw_folds(cohort, params)
        features, weights = _features(task, embeddings, nodules)
        twins, _ = _features(task, embeddings, nodules, twin=True)
        probe = partial(judge, cohort=cohort, folds=folds, params=params)
        screened = _Screened(
            task,
            weights,
            cohort,
            cells={cell: probe(each) for cell, each in track(features.items(), "probes", len(features))},
            twins={cell: probe(each) for cell, each in track(twins.items(), "twins' probes", len(twins))},
            diameter=probe(size_features(nodules, float(nodules["diameter_mm"].median()))),
            pixels=probe(_pixels(views / task.view, nodules)),
            neighbours_kept=_neighbours_kept(task, embeddings),
        )
    _write(out, screened, params)


def _pixels(views: Path, nodules: pd.DataFrame) -> NDArray[np.float64]:
    """(N, cells): the view itself, coarsely: what a probe gets with nothing of a backbone below it."""
    store = read_store(views)
    return coarse_pixels(store.images_hu[store.rows_of(nodules["nodule_id"].tolist())])


def _nodules(task: Task, split: Path, index: Path) -> pd.DataFrame:
    """Labelled nodules of train and validation with their diameter; the test part stays unseen."""
    parts = read_table(split, SPLIT)
    seen = parts[(parts["part"] != Part.TEST) & (parts[task.target] >= 0)]
    diameters = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "diameter_mm"]]
    lost = ~seen["nodule_id"].isin(diameters["nodule_id"])
    if lost.any():
        raise InputError(f"{int(lost.sum())} nodules of {split} are not in {index}; run `dvc repro split`")
    return seen.merge(diameters, on="nodule_id", validate="1:1")


def _neighbours_kept(task: Task, embeddings: Path) -> dict[Cell, float]:
    found = [read_embeddings(folder, task.view) for folder in _folders(embeddings)]
    return {
        Cell(each.backbone, depth): kept for each in found for depth, kept in each.neighbours_kept.items()
    }


def _folders(embeddings: Path) -> list[Path]:
    folders = sorted(path for path in embeddings.glob("*/") if not path.name.startswith("."))
    if not folders:
        raise MissingInputError(f"{embeddings} holds no embeddings; run `dvc repro embed`")
    return folders


def _features(
    task: Task, embeddings: Path, nodules: pd.DataFrame, *, twin: bool = False
) -> tuple[dict[Cell, NDArray[np.float64]], str]:
    """Embeddings of `nodules` by cell, and where their weights come from; of twins, those there are."""
    features, weights = {}, set()
    for folder in _folders(embeddings):
        if twin and not has_twin(folder, task.view):
            continue
        found = read_embeddings(folder, task.view, twin=twin)
        place = {nodule: row for row, nodule in enumerate(found.nodule_ids)}
        missing = [nodule for nodule in nodules["nodule_id"] if nodule not in place]
        if missing:
            raise InputError(
                f"{folder} lacks {len(missing)} nodules of the split, the first is {missing[0]}; "
                "run `dvc repro embed`"
            )
        rows = [place[nodule] for nodule in nodules["nodule_id"]]
        for depth, values in sorted(found.by_depth.items()):
            features[Cell(found.backbone, depth)] = values[rows].astype("float64")
        weights.add(found.weights)
    return features, "; ".join(sorted(weights))


def _write(out: Path, screened: _Screened, params: ScreenParams) -> None:
    ranking = _ranking(screened, params)
    table = _table(ranking)
    cells = table[table["row"] == "probe"]
    lines = table[table["backbone"] == ""]
    title = f"{screened.task}, linear probes"
    with atomic_folder(out) as temporary:
        write_json(temporary / "ranking.json", ranking)
        write_text(temporary / "ranking.csv", table.to_csv(index=False, float_format="%.6f"))
        save(screening_heatmap(cells, f"{title} (* ties with the best)"), temporary / "heatmap.png")
        save(
            screening_curve(cells, dict(zip(lines["row"], lines["weighted_auprc"], strict=True)), title),
            temporary / "curve.png",
        )


_ROWS = {"diameter": "diameter only", "pixels": "pixels (0% frozen)"}


def _ranking(screened: _Screened, params: ScreenParams) -> dict[str, Any]:
    cells, tied = screened.cells, tied_with_best(screened.cells, params)
    order = rank_cells(cells)
    chance = chance_levels(screened.cohort)
    return {
        "task": screened.task.value,
        "weights": screened.weights,
        "n": len(screened.cohort.labels),
        "patients": len(np.unique(screened.cohort.patients)),
        "method": _METHOD.format(folds=params.folds, repeats=params.repeats),
        "best": asdict(order[0]),
        "stability": asdict(ranking_stability(cells)),
        "cells": [
            {
                **asdict(cell),
                **_metrics(cells[cell]),
                "tied": cell in tied,
                "neighbours_kept": screened.neighbours_kept.get(cell),
            }
            for cell in order
        ],
        "baselines": {
            "chance": {name: {"value": level, "low": None, "high": None} for name, level in chance.items()},
            "diameter": _metrics(screened.diameter),
            "pixels": _metrics(screened.pixels),
        },
        "twins": [{**asdict(cell), **_metrics(verdict)} for cell, verdict in sorted(screened.twins.items())],
    }


def _metrics(verdict: Verdict) -> dict[str, dict[str, float | None]]:
    return {name: asdict(interval) for name, interval in verdict.metrics.items()}


def _table(ranking: dict[str, Any]) -> pd.DataFrame:
    """One row per cell, best first, then the backbones with random weights, then the baselines."""
    rows = [{"row": "probe", **cell} for cell in ranking["cells"]]
    rows += [{"row": "random twin", "tied": None, **cell} for cell in ranking["twins"]]
    rows += [
        {
            "row": _ROWS.get(name, name),
            "backbone": "",
            "depth": None,
            "tied": None,
            **metrics,
        }
        for name, metrics in ranking["baselines"].items()
    ]
    return pd.DataFrame(
        {
            "row": row["row"],
            "backbone": row["backbone"],
            "depth": row["depth"],
            "weighted_auprc": row["weighted_auprc"]["value"],
            "low": row["weighted_auprc"]["low"],
            "high": row["weighted_auprc"]["high"],
            "balanced_accuracy": row["balanced_accuracy"]["value"],
            "balanced_accuracy_low": row["balanced_accuracy"]["low"],
            "balanced_accuracy_high": row["balanced_accuracy"]["high"],
            "tied": row["tied"],
            "neighbours_kept": row.get("neighbours_kept"),
        }
        for row in rows
    )
