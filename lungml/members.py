"""Members of an ensemble: a training per cross-validation fold, and what each says of the fold it never saw.

Every member is kept as a bundle of its own in a work folder, so a stopped run goes on with the next one, and
several may be trained at once without changing any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungml.bundle import Bundle, predict, read_bundle, read_info, write_bundle
from lungml.errors import ModelError
from lungml.evaluation.results import judge, values_of
from lungml.evaluation.tally import check_cases
from lungml.evaluation.tta import predict_tta
from lungml.files import atomic_file
from lungml.imaging.intensity import Normalisation
from lungml.imaging.store import ViewStore, read_store
from lungml.models.classifier import Classifier
from lungml.params.model import WeightsParams
from lungml.progress import say
from lungml.splits import assign_folds
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
from lungml.terms import Part, Target
from lungml.training.assembly import build_classifier
from lungml.training.checkpoint import Checkpoints, stop_requests, work_folder
from lungml.training.data import TrainingData, examples_of
from lungml.training.loop import Settings, train
from lungml.training.state import EpochRecord

_CONFIDENCE = 0.95
_OUT_OF_FOLD = "out_of_fold.parquet"


@dataclass(frozen=True)
class Member:
    """Which fold of which repeat is left out; `fold` None leaves out nothing (a refit)."""

    number: int
    repeat: int
    fold: int | None

    @property
    def name(self) -> str:
        """In words, from 1."""
        if self.fold is None:
            return "all folds together"
        return f"repeat {self.repeat + 1}, without fold {self.fold + 1}"


@dataclass(frozen=True)
class Plan:
    """All that decides what the members become; a worker process gets it as it is."""

    blank: Bundle
    """Of no members: task, parts' names, normalisation, views, lineage."""
    settings: Settings
    """Their seed is that of the first member; each has one of its own."""
    weights: WeightsParams
    folds: int
    views: Path
    split: Path
    work: Path
    fingerprint: str


def draw_members(folds: int, repeats: int, *, refit: bool) -> list[Member]:
    """Every fold of every repeat, then the refit if there is one."""
    drawn = [(repeat, fold) for repeat in range(repeats) for fold in range(folds)]
    members = [Member(number, repeat, fold) for number, (repeat, fold) in enumerate(drawn)]
    return [*members, Member(len(members), 0, None)] if refit else members


def folds_of(rows: pd.DataFrame, target: Target, folds: int, *, repeat: int, seed: int) -> pd.Series[int]:
    """Fold of each of `rows` (train and validation of table SPLIT): the table's own for repeat 0.

    Raises:
        InputError: there are fewer patients than folds.
    """
    if repeat == 0:
        return rows["fold"]
    drawn = assign_folds(rows["patient_id"].to_numpy(), rows[[target.value]], folds=folds, seed=seed + repeat)
    return pd.Series(drawn, index=rows.index)


def count_folds(split: Path) -> int:
    """How many folds table SPLIT has."""
    return int(read_table(split, SPLIT)["fold"].max()) + 1


def estimate(predicted: pd.DataFrame) -> dict[str, Any]:
    """Metrics {raw, tta: {name: {value, low, high, chance, skill}}} of out-of-fold answers, by patient."""
    return {
        name: values_of(
            judge(
                check_cases(predicted["label"], np.stack(predicted[column].to_list())),
                predicted["patient_id"],
            ),
            _CONFIDENCE,
        )
        for name, column in (("raw", "probabilities"), ("tta", "probabilities_tta"))
    }


def train_member(plan: Plan, member: Member) -> Path:
    """Train one member, or find it trained; returns its folder: a bundle and `out_of_fold.parquet`."""
    folder = plan.work / f"member-{member.number:02}"
    if _is_done(folder, plan):
        return folder
    store = read_store(plan.views)
    split = read_table(plan.split, SPLIT)
    rows = split[split["part"].isin([Part.TRAIN.value, Part.VAL.value])]
    left_out = _left_out(rows, plan, member)
    data = _data(store, rows, left_out, plan, member)
    settings = replace(plan.settings, seed=plan.settings.seed + member.number)
    classifier = build_classifier(
        plan.blank.backbone, plan.blank.head, data, plan.weights, seed=settings.seed
    )
    records = _train(classifier, data, settings, plan, member)
    history = {
        "fingerprint": plan.fingerprint,
        **asdict(member),
        "records": [record.lasting() for record in records],
    }
    bundle = replace(plan.blank, members=(classifier,), history=history)
    predicted = _out_of_fold(bundle, store, rows[left_out], plan)
    with atomic_file(_beside(folder)) as temporary:
        write_table(temporary, predicted, PREDICTIONS)
    write_bundle(folder, bundle)
    return folder


def gather(folders: Sequence[Path], members: Sequence[Member]) -> tuple[tuple[Classifier, ...], pd.DataFrame]:
    """The classifiers that answer (the refit alone if there is one), and the epochs of all members."""
    bundles = [read_bundle(folder) for folder in folders]
    history = pd.concat(
        [
            pd.DataFrame(bundle.history["records"]).assign(member=member.number)
            for bundle, member in zip(bundles, members, strict=True)
        ],
        ignore_index=True,
    )
    last = members[-1].fold is None
    chosen = bundles[-1:] if last else bundles
    return tuple(classifier for bundle in chosen for classifier in bundle.members), history


def out_of_fold(folders: Sequence[Path], members: Sequence[Member]) -> pd.DataFrame:
    """Table PREDICTIONS of train and validation: each nodule by members that saw no nodule of its patient.

    The mean over the repeats.
    """
    tables = [
        read_table(_beside(folder), PREDICTIONS)
        for folder, member in zip(folders, members, strict=True)
        if member.fold is not None
    ]
    rows = pd.concat(tables, ignore_index=True)
    first = rows.drop_duplicates("nodule_id").set_index("nodule_id")
    means = {
        column: rows.groupby("nodule_id")[column].apply(
            lambda values: np.mean(np.stack(list(values)), axis=0)
        )
        for column in ("probabilities", "probabilities_tta")
    }
    return first.assign(**means).reset_index()


def _is_done(folder: Path, plan: Plan) -> bool:
    try:
        info: dict[str, Any] = read_info(folder)
    except ModelError:
        return False
    return info["history"].get("fingerprint") == plan.fingerprint and _beside(folder).is_file()


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-{_OUT_OF_FOLD}")


def _left_out(rows: pd.DataFrame, plan: Plan, member: Member) -> pd.Series[bool]:
    if member.fold is None:
        return pd.Series(False, index=rows.index)
    target = plan.blank.task.target
    fold = folds_of(rows, target, plan.folds, repeat=member.repeat, seed=plan.settings.seed)
    return fold == member.fold


def _data(
    store: ViewStore, rows: pd.DataFrame, left_out: pd.Series[bool], plan: Plan, member: Member
) -> TrainingData:
    """Of a refit, the learning curve shows how well it knows what it was trained on."""
    target = plan.blank.task.target
    train_on = examples_of(store, rows[~left_out], target, f"train of {member.name}")
    judged = train_on
    if member.fold is not None:
        judged = examples_of(store, rows[left_out], target, f"fold {member.fold + 1}")
    normalisation: Normalisation = plan.blank.normalisation
    return TrainingData(train_on, judged, normalisation)


def _train(
    classifier: Classifier, data: TrainingData, settings: Settings, plan: Plan, member: Member
) -> list[EpochRecord]:
    checkpoints = Checkpoints(
        work_folder(plan.work / f"member-{member.number:02}"), f"{plan.fingerprint} {member.number}"
    )
    records = []
    with stop_requests() as stop_asked:
        for record in train(classifier, data, settings, checkpoints=checkpoints, stop_asked=stop_asked):
            records.append(record)
            say(f"  {_in_words(record, settings, member)}")
    checkpoints.clear()
    return records


def _in_words(record: EpochRecord, settings: Settings, member: Member) -> str:
    epochs = settings.head_epochs + settings.epochs
    return (
        f"member {member.number + 1} ({member.name}), epoch {record.epoch} of {epochs}: "
        f"loss {record.train_loss:.3f}, left out {record.val_loss:.3f}; "
        f"weighted AUPRC {record.val_weighted_auprc:.3f}; {record.seconds:.0f} s"
    )


def _out_of_fold(bundle: Bundle, store: ViewStore, rows: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Table PREDICTIONS of the fold that was left out; no row for a refit."""
    target = plan.blank.task.target
    labelled = rows[rows[target.value] >= 0].sort_values("nodule_id", ignore_index=True)
    images_hu = np.ascontiguousarray(store.images_hu[store.rows_of(labelled["nodule_id"].tolist())])
    return pd.DataFrame(
        {
            "nodule_id": labelled["nodule_id"],
            "patient_id": labelled["patient_id"],
            "part": labelled["part"],
            "label": labelled[target.value].astype("int8"),
            "probabilities": list(predict(bundle, images_hu)),
            "probabilities_tta": list(predict_tta(bundle, images_hu)),
        }
    )
