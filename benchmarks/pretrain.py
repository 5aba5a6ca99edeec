"""Pretraining without labels: probes on a backbone before and after it, on patients it has not seen."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.result import Result, Value, parser, show
from lungml.evaluation.baselines import size_features
from lungml.evaluation.intervals import Interval
from lungml.files import sha256_json
from lungml.imaging.intensity import fit_normalisation
from lungml.imaging.ledger import watch
from lungml.imaging.store import ViewStore, read_store
from lungml.models.backbones import build_backbone
from lungml.models.depths import Depths, embed_batches, normalised_batches
from lungml.models.expected_input import as_expected
from lungml.models.table import BACKBONES
from lungml.params.data import IntensityParams
from lungml.params.model import ScreenParams, WeightsParams
from lungml.params.pretrain import PretrainParams
from lungml.pretraining.loop import pretrain
from lungml.pretraining.pairs import Unlabelled
from lungml.pretraining.state import PretrainRecord
from lungml.screening import Cohort, chance_levels, draw_folds, judge, verdicts_differ
from lungml.splits import assign_folds
from lungml.tables import NODULES, SPLIT, read_table
from lungml.terms import Target
from lungml.training.checkpoint import Checkpoints

CLAIM = "What pretraining without labels adds to linear probes (weighted AUPRC, 95 % intervals by patient)"
COLUMNS = ("target", "begun from", "depth", "before", "after", "after - before")
DEPTHS = (0.6, 1.0)
_INTENSITY = IntensityParams()
_SCREEN = ScreenParams()


@dataclass(frozen=True)
class Half:
    """Nodules of half of the patients of train and validation."""

    rows: pd.DataFrame
    images_hu: NDArray[np.int16]


def measure(
    halves: tuple[Half, Half],
    backbone: str,
    starts: Sequence[WeightsParams],
    params: PretrainParams,
    *,
    keep: Path,
) -> Result:
    """Pretrain on the first half of the patients, and probe on the second; `keep` is for checkpoints."""
    seen, judged = halves
    rows: list[tuple[Value, ...]] = []
    notes = [_cohort_note(seen, judged, params, backbone)]
    for start in starts:
        began = time.process_time()
        asked = _begun_from(start, params)
        before, after, last = _features(seen, judged, backbone, asked, keep=keep / start.source)
        notes.append(
            f"From {start.source} weights: learning rate {asked.learning_rate:.1e}, loss of the last epoch "
            f"{last.loss:.2f}, deviation {last.deviation:.2f}; {time.process_time() - began:.0f} s of "
            "processor time."
        )
        for target in Target:
            rows += list(_rows(judged.rows, target, start, before, after))
    notes += [_baseline_note(judged.rows, target) for target in Target]
    return Result(CLAIM, COLUMNS, tuple(rows), tuple(notes))


def _begun_from(start: WeightsParams, params: PretrainParams) -> PretrainParams:
    """Published weights are trained at a third of the rate, so that less of them is lost."""
    rate = params.learning_rate / (3 if start.source == "pretrained" else 1)
    return params.model_copy(update={"start": start, "learning_rate": rate})


def read_halves(views: Path, split: Path, index: Path) -> tuple[Half, Half]:
    """Halve train and validation by patient; the test part is not read, which the ledger makes sure of."""
    store, ledger = watch(read_store(views))
    table = read_table(split, SPLIT)
    diameters = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "diameter_mm"]]
    rows = table[table["part"] != "test"].merge(diameters, on="nodule_id", validate="1:1")
    labels = rows[[target.value for target in Target]]
    number = assign_folds(rows["patient_id"].to_numpy(dtype=str), labels, folds=2, seed=_SCREEN.seed)
    halves = _half(store, rows[number == 0]), _half(store, rows[number == 1])
    ledger.account(table)
    return halves


def _half(store: ViewStore, rows: pd.DataFrame) -> Half:
    images_hu = np.ascontiguousarray(store.images_hu[store.rows_of(rows["nodule_id"].tolist())])
    return Half(rows, images_hu)


def _features(
    seen: Half, judged: Half, backbone: str, params: PretrainParams, *, keep: Path
) -> tuple[Depths, Depths, PretrainRecord]:
    """Embeddings of the judged half before and after pretraining on the seen one; the last epoch."""
    normalisation = as_expected(fit_normalisation(seen.images_hu, _INTENSITY), backbone, params.start)
    in_channels = normalisation.channels(seen.images_hu.shape[1])
    network = build_backbone(backbone, in_channels=in_channels, weights=params.start)

    def embed() -> Depths:
        return embed_batches(network, normalised_batches(judged.images_hu, normalisation, 32), DEPTHS)

    before = embed()
    data = Unlabelled(tuple(seen.rows["nodule_id"]), seen.images_hu, normalisation)
    images_sha256 = hashlib.sha256(seen.images_hu.tobytes()).hexdigest()
    told = sha256_json([backbone, params.model_dump(mode="json"), normalisation.to_dict(), images_sha256])
    for record in pretrain(network, data, params, checkpoints=Checkpoints(keep, told)):
        print(
            f"  {params.start.source}, epoch {record.epoch}: {record.loss:.2f}, {record.seconds:.0f} s",
            flush=True,
        )
    return before, embed(), record


def _rows(
    rows: pd.DataFrame, target: Target, start: WeightsParams, before: Depths, after: Depths
) -> Iterator[tuple[Value, ...]]:
    labelled, cohort = _cohort(rows, target)
    with threadpool_limits(1):
        folds = draw_folds(cohort, _SCREEN)
        for depth in DEPTHS:
            old, new = (
                judge(each[depth][labelled].astype(np.float64), cohort, folds, _SCREEN)
                for each in (before, after)
            )
            values = [verdict.metrics["weighted_auprc"] for verdict in (old, new)]
            gained = verdicts_differ(new, old)["weighted_auprc"]
            yield (target.value, start.source, f"{depth:.0%}", *map(_text, values), _text(gained, sign="+"))


def _cohort(rows: pd.DataFrame, target: Target) -> tuple[NDArray[np.bool_], Cohort]:
    """Which rows have a label, and what probes are judged on."""
    labelled = (rows[target.value] >= 0).to_numpy()
    kept = rows[labelled]
    labels = kept[target.value].to_numpy(dtype="int64")
    return labelled, Cohort(labels, kept["patient_id"].to_numpy(dtype=str), len(target.class_names))


def _baseline_note(rows: pd.DataFrame, target: Target) -> str:
    labelled, cohort = _cohort(rows, target)
    kept = rows[labelled]
    with threadpool_limits(1):
        sizes = size_features(kept, float(kept["diameter_mm"].median()))
        diameter = judge(sizes, cohort, draw_folds(cohort, _SCREEN), _SCREEN).metrics["weighted_auprc"]
    return (
        f"{target}: {len(kept)} nodules of {len(np.unique(cohort.patients))} patients; chance "
        f"{chance_levels(cohort)['weighted_auprc']:.3f}, diameter alone {_text(diameter)}."
    )


def _cohort_note(seen: Half, judged: Half, params: PretrainParams, backbone: str) -> str:
    return (
        f"{backbone}, {seen.images_hu.shape[-1]} px, VICReg on {len(seen.rows)} nodules of "
        f"{seen.rows['patient_id'].nunique()} patients, {params.epochs} epochs in batches of "
        f"{params.batch_size}, {params.threads} thread; probes on "
        f"the {len(judged.rows)} nodules of the other {judged.rows['patient_id'].nunique()} patients, "
        f"{_SCREEN.repeats} x {_SCREEN.folds}-fold cross-validation by patient. The test part is not read."
    )


def _text(interval: Interval, *, sign: str = "") -> str:
    numbers = (interval.value, interval.low, interval.high)
    value, low, high = ("-" if number is None else f"{number:{sign}.3f}" for number in numbers)
    return f"{value} ({low} to {high})"


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = parser(CLAIM)
    arguments.add_argument("--views", type=Path, default=Path("data/views/nodule"))
    arguments.add_argument("--split", type=Path, default=Path("data/split.parquet"))
    arguments.add_argument("--index", type=Path, default=Path("data/index"))
    arguments.add_argument("--backbone", choices=list(BACKBONES), default="mobilenetv2_100_coral")
    arguments.add_argument(
        "--weights", type=Path, help="folder of published weights; without it random ones only"
    )
    arguments.add_argument("--epochs", type=int, default=PretrainParams().epochs)
    arguments.add_argument("--learning-rate", type=float, default=PretrainParams().learning_rate)
    arguments.add_argument(
        "--keep", type=Path, help="folder for checkpoints: a stopped run goes on from there"
    )
    given = arguments.parse_args()
    begin = [WeightsParams()]
    if given.weights:
        begin.append(WeightsParams(source="pretrained", folder=given.weights))
    asked = PretrainParams(epochs=given.epochs, learning_rate=given.learning_rate)
    halves = read_halves(given.views, given.split, given.index)
    with tempfile.TemporaryDirectory() as folder:
        kept = given.keep or Path(folder)
        show(measure(halves, given.backbone, begin, asked, keep=kept), given.json)
