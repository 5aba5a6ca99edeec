"""Stage pretrain: backbones trained without labels on the views of the train part.

What it makes is used where `weights.source` is pretrained and `weights.folder` is its folder. With no
backbone in `pretrain.backbones` it writes empty lists.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import save as as_safetensors
from torch import nn

from lungml import compute
from lungml.errors import InputError, ParamsError
from lungml.figures.pretraining import draw_pretraining_curve
from lungml.figures.style import save
from lungml.files import atomic_folder, sha256_file, sha256_json, write_json, write_text
from lungml.imaging.intensity import fit_normalisation
from lungml.imaging.ledger import watch
from lungml.imaging.store import read_store
from lungml.models.backbones import build_backbone, describe_weights, weights_sha256
from lungml.models.depths import normalised_batches
from lungml.models.expected_input import as_expected, check_pixels, observe
from lungml.models.weights_card import WeightsCard, write_card
from lungml.params.data import IntensityParams
from lungml.params.pretrain import PretrainParams
from lungml.pretraining.loop import pretrain as train
from lungml.pretraining.pairs import Unlabelled
from lungml.pretraining.state import PretrainRecord
from lungml.progress import say
from lungml.tables import SPLIT, read_table
from lungml.terms import Part
from lungml.training.checkpoint import Checkpoints, stop_requests, work_folder

_METHOD = "VICReg"
_FEWEST = 8
"""Nodules: a batch needs several to have a variance."""
_CHECKED_AT_ONCE = 64
_SEALED = (Part.VAL, Part.TEST)


def run(
    pretrain: PretrainParams, intensity: IntensityParams, *, views: Path, split: Path, out: Path, log: Path
) -> None:
    """Write `<backbone>.safetensors` and its card `<backbone>.json` to `out`, its history and curve to `log`.

    A stopped or killed training goes on from its last checkpoint, in a work folder beside `out`, to the same
    bytes as if it had not been stopped; a backbone that is finished is not trained again.

    Raises:
        InputError: the train part has too few nodules.
        ParamsError: a backbone or a view is named twice, a backbone is to begin with what this stage writes,
            or there is no such device as LUNGML_DEVICE names.
        InterruptedRunError: SIGTERM, SIGINT or SIGUSR1 came; what was done is kept.
    """
    _check(pretrain, out)
    made: dict[str, _Made] = {}
    if pretrain.backbones:
        cohort = _read(pretrain, intensity, views, split)
        made = {name: _make(name, cohort, pretrain, work_folder(out) / name) for name in pretrain.backbones}
    else:
        say("  pretrain.backbones names none: nothing to do")
    _write(out, log, made)
    shutil.rmtree(work_folder(out), ignore_errors=True)


@dataclass(frozen=True)
class _Cohort:
    """The train part's views, with the normalisation fitted on them, and what a card says of them."""

    data: Unlabelled
    patients: int
    lineage: Mapping[str, str]
    read: Mapping[str, Any]


@dataclass(frozen=True)
class _Made:
    """One backbone: the bytes of its weights, their card and a row an epoch."""

    weights: bytes
    card: WeightsCard
    history: pd.DataFrame


def _check(pretrain: PretrainParams, out: Path) -> None:
    if len(set(pretrain.backbones)) < len(pretrain.backbones):
        raise ParamsError(f"pretrain.backbones names one twice: {', '.join(pretrain.backbones)}")
    if len(set(pretrain.views)) < len(pretrain.views):
        raise ParamsError(f"pretrain.views names one twice: {', '.join(pretrain.views)}")
    folder = pretrain.start.folder
    if pretrain.start.source == "pretrained" and folder and folder.resolve() == out.resolve():
        raise ParamsError(
            f"pretrain.start.folder is {folder}, which is where this stage writes; name another folder, or "
            "set pretrain.start.source: random in params.yaml"
        )


def _read(pretrain: PretrainParams, intensity: IntensityParams, views: Path, split: Path) -> _Cohort:
    """Read the train part and nothing else, whether or not a nodule has a label."""
    watched = [watch(read_store(views / view)) for view in pretrain.views]
    table = read_table(split, SPLIT)
    train_part = table[table["part"] == Part.TRAIN.value].sort_values("nodule_id")
    if len(train_part) < _FEWEST:
        raise InputError(
            f"the train part of {split} has {len(train_part)} nodules, and pretraining needs at least "
            f"{_FEWEST}; take more patients (acquire), or leave pretrain.backbones empty"
        )
    nodule_ids = train_part["nodule_id"].tolist()
    images_hu = np.concatenate([store.images_hu[store.rows_of(nodule_ids)] for store, _ in watched])
    accounts = [ledger.account(table, sealed=_SEALED) for _, ledger in watched]
    shown = tuple(nodule_ids) * len(watched)
    return _Cohort(
        data=Unlabelled(shown, images_hu, fit_normalisation(images_hu, intensity)),
        patients=int(train_part["patient_id"].nunique()),
        lineage={"data_sha256": watched[0][0].info["data_sha256"], "split_sha256": sha256_file(split)},
        read=accounts[0],  # the same nodules of each view
    )


def _make(name: str, cohort: _Cohort, pretrain: PretrainParams, work: Path) -> _Made:
    data = _as_expected(name, cohort.data, pretrain)
    in_channels = data.normalisation.channels(data.images_hu.shape[1])
    network = build_backbone(name, in_channels=in_channels, weights=pretrain.start)
    card = _card(name, replace(cohort, data=data), pretrain)
    records = _train(network, data, pretrain, Checkpoints(work, sha256_json(asdict(card))), name)
    weights = as_safetensors({key: value.contiguous() for key, value in network.state_dict().items()})
    card = replace(card, weights_sha256=hashlib.sha256(weights).hexdigest())
    return _Made(weights, card, pd.DataFrame([record.lasting() for record in records]))


def _as_expected(name: str, data: Unlabelled, pretrain: PretrainParams) -> Unlabelled:
    """The data, normalised as the weights to begin with expect; random ones take train's."""
    normalisation = as_expected(data.normalisation, name, pretrain.start)
    batches = normalised_batches(data.images_hu, normalisation, _CHECKED_AT_ONCE)
    check_pixels(batches, normalisation, name, pretrain.start)
    return replace(data, normalisation=normalisation)


def _card(name: str, cohort: _Cohort, pretrain: PretrainParams) -> WeightsCard:
    """The card but for the checksum of the weights; the same card, the same weights."""
    images_hu, normalisation = cohort.data.images_hu, cohort.data.normalisation
    return WeightsCard(
        backbone=name,
        method=_METHOD,
        start=describe_weights(name, pretrain.start),
        view=" and ".join(pretrain.views),
        images=len(images_hu),
        patients=cohort.patients,
        epochs=pretrain.epochs,
        in_channels=normalisation.channels(images_hu.shape[1]),
        normalisation=normalisation,
        pixels=asdict(observe(normalised_batches(images_hu, normalisation, _CHECKED_AT_ONCE))),
        images_sha256=hashlib.sha256(images_hu.tobytes()).hexdigest(),
        weights_sha256="",
        lineage={**cohort.lineage, "start_sha256": weights_sha256(name, pretrain.start)},
        read=cohort.read,
        params=pretrain.model_dump(mode="json", exclude={"backbones"}),
        versions={library: version(library) for library in ("torch", "timm")},
    )


def _train(
    network: nn.Module, data: Unlabelled, pretrain: PretrainParams, checkpoints: Checkpoints, name: str
) -> list[PretrainRecord]:
    records: list[PretrainRecord] = []
    with stop_requests() as stop_asked:
        course = train(
            network,
            data,
            pretrain,
            checkpoints=checkpoints,
            stop_asked=stop_asked,
            device=compute.device(),
        )
        for record in course:
            records.append(record)
            say(f"  {name}, {_in_words(record, pretrain.epochs)}")
    return records


def _in_words(record: PretrainRecord, epochs: int) -> str:
    left_s = (epochs - record.epoch) * record.seconds
    return (
        f"epoch {record.epoch} of {epochs}: loss {record.loss:.3f} (invariance {record.invariance:.3f}, "
        f"variance {record.variance:.3f}, covariance {record.covariance:.3f}), deviation "
        f"{record.deviation:.2f}; LR {record.learning_rate:.1e}, {record.images_per_s:.0f} images/s, "
        f"{left_s // 60:.0f} min {left_s % 60:02.0f} s left"
    )


def _write(out: Path, log: Path, made: Mapping[str, _Made]) -> None:
    with atomic_folder(out) as folder:
        for name, each in made.items():
            path = folder / f"{name}.safetensors"
            path.write_bytes(each.weights)
            write_card(path, each.card)
        write_json(folder / "made.json", {name: each.card.weights_sha256 for name, each in made.items()})
    with atomic_folder(log) as folder:
        for name, each in made.items():
            write_text(folder / name / "history.csv", each.history.to_csv(index=False))
            curve = draw_pretraining_curve(each.history, f"{name}: {_METHOD} on {each.card.view} views")
            save(curve, folder / name / "curve.png")
        write_json(folder / "summary.json", {name: str(each.card) for name, each in made.items()})
