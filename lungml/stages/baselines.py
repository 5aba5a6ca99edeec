"""Answer the test nodules of a task without its model: the rows that stand beside it in every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lungml.embeddings import read_embeddings
from lungml.errors import InputError
from lungml.evaluation.baselines import BASELINES, BLIND, Lesson, size_features
from lungml.evaluation.cross_validation import FILE as LEFT_OUT
from lungml.evaluation.cross_validation import answer_by_diameter
from lungml.evaluation.metadata import metadata_features
from lungml.evaluation.results import PRIMARY
from lungml.evaluation.surroundings import discs, erase, hu_features, rim
from lungml.files import atomic_folder, read_json, write_json
from lungml.imaging.store import ViewStore, read_store
from lungml.params.model import ScreenParams
from lungml.screening import FIELDS, coarse_pixels
from lungml.tables import BASELINES as TABLE
from lungml.tables import NODULES, SERIES, SPLIT, read_table, write_table
from lungml.terms import Part, Task, View

_MARGIN_MM = 1.5
"""How far around a nodule its blurred rim and its spicules are taken out with it."""

Features = NDArray[np.float64]


@dataclass(frozen=True)
class _Sight:
    """What the baselines see of N nodules, and why some see nothing."""

    features: dict[str, Features]
    """Baseline -> (N, D)."""
    notes: dict[str, str]
    """Baseline -> what it saw, where that was chosen."""
    absent: dict[str, str]
    """Baseline -> why it cannot be had here."""


def run(
    params: ScreenParams,
    *,
    task: Task,
    embeddings: Path,
    screen: Path,
    views: Path,
    split: Path,
    index: Path,
    out: Path,
) -> None:
    """Write `out/{predictions.parquet, left_out.parquet, baselines.json}`, learnt from train and validation.

    `left_out.parquet` holds the diameter's answers to these two parts, each nodule without its own fold.

    Raises:
        InputError: no labelled nodule is in train and validation, or in test.
    """
    nodules = _nodules(task, split, index)
    sight = _see(task, nodules, views)
    _add_embeddings(sight, task, nodules, embeddings, read_json(screen / "ranking.json"))
    with threadpool_limits(1):  # sums depend on their number
        answers = _answer(params, task, nodules, sight)
        left_out = _cross_validate(params, task, nodules, sight.features[PRIMARY])
    with atomic_folder(out) as temporary:
        write_table(temporary / "predictions.parquet", answers, TABLE)
        write_table(temporary / LEFT_OUT, left_out, TABLE)
        facts = {"notes": sight.notes, "absent": sight.absent}
        known = nodules[nodules["part"] != Part.TEST]
        counts = {"known": len(known), "known_patients": int(known["patient_id"].nunique())}
        write_json(temporary / "baselines.json", {"task": task.value} | counts | facts)


def _nodules(task: Task, split: Path, index: Path) -> pd.DataFrame:
    """Labelled nodules with part, label, diameter and what the file says of their series."""
    rows = read_table(split, SPLIT)
    labelled = rows[(rows[task.target] >= 0) & rows["part"].isin(list(Part))]
    if labelled["part"].eq(Part.TEST).all() or not labelled["part"].eq(Part.TEST).any():
        raise InputError(
            f"{split}: nodules with a {task.target} label are needed in train or validation and in test, "
            f"found {dict(labelled['part'].value_counts())}; use more patients"
        )
    nodules = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "series_uid", "diameter_mm"]]
    series = read_table(index / "series.parquet", SERIES).drop(columns="patient_id")
    found = labelled.merge(nodules, on="nodule_id", validate="1:1").merge(series, on="series_uid")
    if len(found) < len(labelled):
        raise InputError(f"nodules of {split} are not in {index}; run `dvc repro split`")
    return found.rename(columns={task.target.value: "label"}).sort_values("nodule_id", ignore_index=True)


def _see(task: Task, nodules: pd.DataFrame, views: Path) -> _Sight:
    """What tables and views give."""
    names = nodules["nodule_id"].tolist()
    diameters_mm = nodules["diameter_mm"].to_numpy(dtype=np.float64)
    size = size_features(nodules, float("nan"))
    size[np.isnan(diameters_mm)] = np.nan
    blind = {name: np.zeros((len(names), 0)) for name in BLIND}
    sight = _Sight(blind | {"diameter": size, "metadata": metadata_features(nodules)}, {}, {})
    # The nodule's own HU are best seen in the nodule view, also by a task of whole slices.
    close = View.NODULE if (views / View.NODULE).is_dir() else task.view
    _add_hu(sight, read_store(views / close), names, diameters_mm)
    _add_surroundings(sight, read_store(views / task.view), names, diameters_mm)
    return sight


def _add_hu(sight: _Sight, store: ViewStore, names: list[str], diameters_mm: Features) -> None:
    rows, masks = _outlined(store, names, diameters_mm)
    if not masks.any():
        sight.absent["diameter_hu"] = _NO_OUTLINE
        return
    middle = store.images_hu.shape[1] // 2
    inside = hu_features(store.images_hu[rows, middle], masks)
    sight.features["diameter_hu"] = np.column_stack([sight.features["diameter"], inside])


def _add_surroundings(sight: _Sight, store: ViewStore, names: list[str], diameters_mm: Features) -> None:
    rows, masks = _outlined(store, names, diameters_mm)
    unseen = int((~masks.any(axis=(1, 2))).sum())
    if unseen > _MOST_UNSEEN * len(names):
        sight.absent.update(dict.fromkeys(_SURROUNDINGS, f"{_NO_OUTLINE} ({unseen} of {len(names)})"))
        return
    fields = _fields_without(store, rows, masks)
    sight.features.update(mask_out=fields, background=rim(fields, FIELDS))
    if unseen:
        note = f"{unseen} of {len(names)} nodules have no pixel in the view and were left in it"
        sight.notes.update(dict.fromkeys(_SURROUNDINGS, note))


def _fields_without(store: ViewStore, rows: NDArray[np.int64], masks: NDArray[np.bool_]) -> Features:
    """(N, fields): what is left of each view without its nodule, coarsely."""
    spacings_mm = store.items["pixel_spacing_mm"].to_numpy(dtype=np.float64)[rows]
    margins_px = np.maximum(1.0, _MARGIN_MM / spacings_mm)
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(rows), _AT_ONCE)]
    left = (erase(store.images_hu[rows[part]], masks[part], margins_px[part]) for part in parts)
    return np.concatenate([coarse_pixels(images_hu) for images_hu in left])


_AT_ONCE = 256
_SURROUNDINGS = ("mask_out", "background")
_MOST_UNSEEN = 0.05
_NO_OUTLINE = "nodules without an outline or a diameter cannot be told from what is around them"


def _outlined(
    store: ViewStore, names: list[str], diameters_mm: Features
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of these nodules and where each is; one without outline is a disc in the middle of its crop."""
    rows = store.rows_of(names)
    masks = np.array(store.masks[rows])
    bare = ~masks.any(axis=(1, 2))
    if store.info["view"] == View.NODULE and bare.any():
        spacings_mm = store.items["pixel_spacing_mm"].to_numpy(dtype=np.float64)[rows][bare]
        masks[bare] = discs(diameters_mm[bare], spacings_mm, masks.shape[-1])
    return rows, masks


def _add_embeddings(
    sight: _Sight, task: Task, nodules: pd.DataFrame, embeddings: Path, ranking: Mapping[str, Any]
) -> None:
    """The cells that screening ranked first on train and validation, with random and pretrained weights."""
    random = str(ranking["weights"]).startswith("random")
    twins = sorted(ranking["twins"], key=lambda cell: -(cell["weighted_auprc"]["value"] or 0.0))
    best = {
        "frozen_features": None if random else ranking["best"],
        "random_features": ranking["best"] if random else next(iter(twins), None),
    }
    reasons = {
        "frozen_features": "the backbones have random weights (weights.source)",
        "random_features": "the backbones have no random twins (embed.twins)",
    }
    for name, cell in best.items():
        if cell is None:
            sight.absent[name] = reasons[name]
            continue
        found = read_embeddings(
            embeddings / cell["backbone"], task.view, twin=name.startswith("random") and not random
        )
        place = {nodule: row for row, nodule in enumerate(found.nodule_ids)}
        rows = [place[nodule] for nodule in nodules["nodule_id"]]
        sight.features[name] = found.by_depth[cell["depth"]][rows].astype(np.float64)
        sight.notes[name] = f"{cell['backbone']}, {cell['depth']:.0%} of its layers"


def _answer(params: ScreenParams, task: Task, nodules: pd.DataFrame, sight: _Sight) -> pd.DataFrame:
    """Table BASELINES."""
    test = (nodules["part"] == Part.TEST).to_numpy()
    labels = nodules["label"].to_numpy(dtype=np.int64)[~test]
    asked = nodules.loc[test, "nodule_id"].tolist()
    parts = []
    for name, answer in BASELINES.items():
        if name in sight.absent:
            continue
        seen = sight.features[name]
        lesson = Lesson(seen[~test], labels, seen[test], len(task.target.class_names), params)
        rows = pd.DataFrame({"nodule_id": asked, "baseline": name})
        parts.append(rows.assign(probabilities=list(answer(lesson))))
    return pd.concat(parts, ignore_index=True)


def _cross_validate(params: ScreenParams, task: Task, nodules: pd.DataFrame, sizes: Features) -> pd.DataFrame:
    """Table BASELINES of train and validation, of the diameter alone."""
    known = (nodules["part"] != Part.TEST).to_numpy()
    rows = nodules[known]
    answers = answer_by_diameter(
        sizes[known],
        rows["label"].to_numpy(dtype=np.int64),
        rows["fold"].to_numpy(),
        classes=len(task.target.class_names),
        params=params,
    )
    found = pd.DataFrame({"nodule_id": rows["nodule_id"].to_numpy(), "baseline": PRIMARY})
    return found.assign(probabilities=list(answers))
