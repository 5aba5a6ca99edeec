"""A tiny cohort after the views stage and an untrained bundle: what evaluate and explain read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungml.bundle import Bundle, Member, library_versions, write_bundle
from lungml.evaluation.baselines import BASELINES, Lesson
from lungml.evaluation.cross_validation import answer_by_diameter
from lungml.files import sha256_file, write_json
from lungml.imaging.intensity import Normalisation
from lungml.imaging.store import write_store
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.heads import build_head
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import ScreenParams, WeightsParams
from lungml.tables import BASELINES as BASELINE_TABLE
from lungml.tables import NODULES, READINGS, SERIES, SPLIT, Table, read_table, write_table
from lungml.terms import Task

SIZE_PX = 32
PARTS = ["train"] * 20 + ["val"] * 12 + ["test"] * 20
"""Part of each patient; each has two nodules."""


@dataclass(frozen=True)
class Cohort:
    """Where everything is; the words are those of the stages' options."""

    views: Path
    split: Path
    index: Path
    diagnoses: Path


def write_cohort(root: Path, *, seed: int = 0) -> Cohort:
    """Discs of soft tissue in lung; the larger the disc, the more malignant."""
    rng = np.random.default_rng(seed)
    count = 2 * len(PARTS)
    five = np.tile(np.arange(5), count)[:count]
    radius_px = 3 + five + rng.uniform(-1, 1, count)
    nodules = pd.DataFrame({"nodule_id": [f"n{number:03}" for number in range(count)]}).assign(
        patient_id=np.repeat([f"p{number:02}" for number in range(len(PARTS))], 2), diameter_mm=2 * radius_px
    )
    split = nodules[["nodule_id", "patient_id"]].assign(
        score=five + 1.0,
        scores=[[grade] for grade in five + 1],
        binary=(five >= 3).astype("int8"),
        five=five.astype("int8"),
        part=np.repeat(PARTS, 2),
        fold=np.where(np.repeat(PARTS, 2) == "test", -1, np.arange(count) // 2 % 4).astype("int8"),
    )
    (root / "index").mkdir(parents=True)
    write_table(root / "split.parquet", split, SPLIT)
    scored = nodules.assign(scores=[[int(grade), int(grade)] for grade in five + 1], n_readers=2)
    write_table(root / "index" / "nodules.parquet", _filled(scored, NODULES), NODULES)
    write_table(root / "index" / "readings.parquet", _readings(scored), READINGS)
    write_table(root / "index" / "series.parquet", _series(), SERIES)
    masks = _discs(radius_px, rng.uniform(12, 20, (count, 2)))
    noise_hu = rng.normal(0, 30, masks.shape)
    images_hu = np.where(masks, 20, -850) + noise_hu
    items = nodules[["nodule_id", "patient_id"]].assign(
        series_uid="1.2.3", z_index=np.zeros(count, "int32"), pixel_spacing_mm=1.0
    )
    info = {"view": "nodule", "params": {}, "data_sha256": "a" * 64}
    write_store(
        root / "views", images_hu=images_hu[:, None].astype(np.int16), masks=masks, items=items, info=info
    )
    (root / "diagnoses.csv").write_text("patient_id,diagnosis\n")
    return Cohort(root / "views", root / "split.parquet", root / "index", root / "diagnoses.csv")


def write_baselines(cohort: Cohort, task: Task, out: Path) -> Path:
    """What the stage baselines leaves, from the diameter alone; no frozen features are there."""
    nodules = read_table(cohort.index / "nodules.parquet", NODULES)[["nodule_id", "diameter_mm"]]
    rows = read_table(cohort.split, SPLIT).merge(nodules, on="nodule_id")
    rows = rows[rows[task.target] >= 0]
    known, test = rows[rows["part"] != "test"], rows[rows["part"] == "test"]
    classes = len(task.target.class_names)
    labels = known[task.target].to_numpy("int64")
    answers = []
    for name, answer in BASELINES.items():
        if name != "frozen_features":
            seen = [part[["diameter_mm"]].to_numpy("float64") for part in (known, test)]
            lesson = Lesson(seen[0], labels, seen[1], classes, ScreenParams())
            probabilities = list(answer(lesson))
            answers.append(test[["nodule_id"]].assign(baseline=name, probabilities=probabilities))
    write_table(out / "predictions.parquet", pd.concat(answers), BASELINE_TABLE)
    sizes, folds = known[["diameter_mm"]].to_numpy("float64"), known["fold"].to_numpy()
    by_size = answer_by_diameter(sizes, labels, folds, classes=classes, params=ScreenParams())
    left_out = known[["nodule_id"]].assign(baseline="diameter", probabilities=list(by_size))
    write_table(out / "left_out.parquet", left_out, BASELINE_TABLE)
    about = {"task": task.value, "known": len(known), "known_patients": 32}
    notes = {"random_features": "resnet10t, 60% of its layers"}
    absent = {"frozen_features": "the backbones have random weights (weights.source)"}
    write_json(out / "baselines.json", about | {"notes": notes, "absent": absent})
    return out


def make_bundle(cohort: Cohort, *, task: Task = Task.NODULE_BINARY, backbone: str = "resnet10t") -> Bundle:
    """An untrained model; the same words give the same weights."""
    weights = WeightsParams(source="random", seed=1)
    network = build_backbone(backbone, in_channels=1, weights=weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = build_head("linear", embedding_size(network), len(task.target.class_names))
    normalisation = Normalisation("window", ((-1000.0, 400.0),), (0.2,), (0.3,))
    return Bundle(
        members=(
            Member(Classifier(network, head).eval(), backbone, "linear", "random (seed 1)", normalisation),
        ),
        task=task,
        image_channels=1,
        views=ViewsParams(size_px=SIZE_PX),
        labels=LabelParams(),
        lineage={"data_sha256": "a" * 64, "split_sha256": sha256_file(cohort.split)},
        history={},
        versions=library_versions(),
    )


def save_bundle(root: Path, bundle: Bundle) -> Path:
    write_bundle(root / "bundle", bundle)
    return root / "bundle"


def _discs(radius_px: np.ndarray, centres: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX]
    distance = np.hypot(y - centres[:, 0, None, None], x - centres[:, 1, None, None])
    return distance < radius_px[:, None, None]


def _series() -> pd.DataFrame:
    """The one series all nodules are in."""
    return _filled(pd.DataFrame({"series_uid": ["1.2.3"], "manufacturer": ["Maker A"]}), SERIES)


def _readings(nodules: pd.DataFrame) -> pd.DataFrame:
    """Two readers who always agree."""
    rows = [
        (f"{row.nodule_id}-{reader}", row.nodule_id, row.patient_id, "nodule", row.scores[0])
        for row in nodules.itertuples()
        for reader in range(2)
    ]
    columns = ["reading_id", "nodule_id", "patient_id", "kind", "malignancy"]
    return _filled(pd.DataFrame(rows, columns=columns), READINGS)


def _filled(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """A whole table with what evaluation does not look at filled in."""
    fillers = {"string": "1.2.3", "int8": 1, "int32": 0, "float64": 1.0, "bool": False}
    full = rows.copy()
    for name, (kind, _) in table.columns.items():
        if name not in full:
            full[name] = pd.Series([fillers[kind]] * len(full), dtype="object" if kind == "string" else kind)
    return full.astype({name: kind for name, (kind, _) in table.columns.items() if kind == "int8"})
