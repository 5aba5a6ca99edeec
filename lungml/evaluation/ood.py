# mypy: disable-error-code="no-any-return"
"""How far an image lies from those the model was trained on, in the embeddings of its own backbone.

Too far means: abstain. The threshold is fixed on validation, so that a known share of usual images lies
beyond it. Whether the distance notices anything is shown on images that are grossly wrong.

The last embedding alone misses what training taught the backbone to ignore: on phantoms a blank image was
nearer than a usual one (AUROC 0.21 and 0.29 in two models). So several depths are looked at, each by how far
it usually varies, and the farthest counts (there 1.00). The image itself is one of them: without it, half of
inverted crops of LIDC-IDRI passed the threshold; with it, a tenth.

Source: Lee et al. 2018, arXiv 1807.03888 (Mahalanobis distance at several layers), here of one class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.linalg import cholesky
from threadpoolctl import threadpool_limits

from lungml import compute
from lungml.bundle import Bundle, check_images
from lungml.covariance import scale_of, shrunk_covariance
from lungml.evaluation.conformal import IDS
from lungml.evaluation.gross_cases import GROSS_CASES, SUBTLE_CASES, Images, Spoil
from lungml.evaluation.looks import looks_of
from lungml.evaluation.ranking import FloatArray, auroc, count_found, rank
from lungml.evaluation.shares import share
from lungml.imaging.store import ViewStore
from lungml.models.depths import embed_batches, normalised_batches
from lungml.models.precision import Engine
from lungml.params.evaluation import EvaluateParams
from lungml.terms import Part
from lungml.usual import Cloud, Seen, Usual, distances

DEPTHS = (0.2, 0.6, 1.0)
"""Shares of the backbone's layers after which images are looked at."""
MOST_CASES = 200
"""So many test images are made wrong, spread evenly over the part."""
_BATCH = 64
_FLOOR = 1e-6
"""Variance of a scaled feature that is the same in every image of train, such as a dead one."""

Far = Callable[[Images], FloatArray]
"""Views (N, C, H, W) in HU -> their distances (N,)."""


def embed(bundle: Bundle, images_hu: Images) -> Seen:
    """What views (N, C, H, W) in HU are, and what the backbone of the bundle's first member makes of them.

    Depth 0 is what `looks_of` says of the views themselves, then come `DEPTHS`.

    Raises:
        ValueError: the images have another shape than the bundle's views.
    """
    check_images(bundle, images_hu)
    first = bundle.members[0]
    batches = normalised_batches(images_hu, first.normalisation, _BATCH)
    backbone = first.classifier.backbone
    try:
        found = embed_batches(backbone, batches, DEPTHS, Engine(compute.device()))
    finally:  # as it was, so that its answers stay the same to the bit
        backbone.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    deeper = {depth: vectors.astype(np.float64) for depth, vectors in found.items()}
    return {0.0: looks_of(images_hu)} | deeper


def distances_from_train(bundle: Bundle, usual: Usual, images_hu: Images) -> FloatArray:
    """(N,): how far views (N, C, H, W) in HU lie from those of train; 0 is usual, 1 is rare."""
    if not len(images_hu):
        return np.empty(0)
    return distances(usual.clouds, embed(bundle, images_hu))


def learn_usual(train: Seen, val: Seen) -> Usual:
    """Learn from the embeddings of train what is usual, and from those of validation how much it varies."""
    with threadpool_limits(1):  # sums depend on the number of threads, and a bundle's bytes must not
        clouds = {depth: _cloud(fit) for depth, fit in train.items()}
        return _varying(clouds, {depth: cloud.mahalanobis(val[depth]) for depth, cloud in clouds.items()})


def learn_usual_across(seen: Seen, folds: NDArray[np.int64]) -> Usual:
    """Learn from all embeddings what is usual, and from each fold beside the others how much it varies.

    For a model that was trained on all of them. Distances from a cloud that the same images make are far too
    small: a threshold on them called three quarters of new crops of LIDC-IDRI unusual where 5 % were asked
    for, and this one 4 to 5 %.

    Args:
        seen: of N images.
        folds: (N,), of their patients.
    """
    with threadpool_limits(1):
        clouds = {depth: _cloud(rows) for depth, rows in seen.items()}
        return _varying(clouds, {depth: _apart(rows, folds) for depth, rows in seen.items()})


def usual_of(bundle: Bundle, store: ViewStore, rows: pd.DataFrame) -> Usual:
    """Learn from what the first member was trained on, and how much it varies from what it left out.

    If it left out nothing, each fold is set against the others.

    Args:
        bundle: the model; its `history` says how it was fitted.
        store: views of all nodules; none of test is looked at.
        rows: nodule_id, part and fold of nodules of train and validation at least.
    """
    ordered = _as_first_member_saw(rows, _fit(bundle)).sort_values("nodule_id")
    if _fit(bundle) == "refit":
        known = ordered[ordered["part"] != Part.TEST]
        images_hu = np.asarray(store.images_hu[store.rows_of(known["nodule_id"].tolist())])
        return learn_usual_across(embed(bundle, images_hu), known["fold"].to_numpy())
    seen = {part: embed(bundle, _views(store, ordered, part)) for part in (Part.TRAIN, Part.VAL)}
    return learn_usual(seen[Part.TRAIN], seen[Part.VAL])


def judge_distances(
    bundle: Bundle, store: ViewStore, rows: pd.DataFrame, params: EvaluateParams
) -> dict[str, Any]:
    """Look at test with what the bundle says is usual; one of an older lungml does not say, so learn it.

    Args:
        bundle: the model.
        store: views of all nodules.
        rows: nodule_id, patient_id, part and fold of the nodules of the three parts.
        params: abstention, confidence and seed.

    Returns:
        What `abstained` does; threshold_on: validation, left-out fold, or folds of training (of a model that
        was refit on all of it); gross, subtle: what `spoilt_cases` does.
    """
    usual = bundle.usual or usual_of(bundle, store, rows)
    test = rows[rows["part"] == Part.TEST].sort_values("nodule_id")
    views, far_from_train = _views(store, test, Part.TEST), partial(distances_from_train, bundle, usual)
    far, threshold = far_from_train(views), usual.threshold(params.trust.abstention)
    found = abstained(far, threshold, test["patient_id"].to_numpy(), params)
    noticed = {
        kind: spoilt_cases(cases, far_from_train, far, views, threshold=threshold, seed=params.seed)
        for kind, cases in (("gross", GROSS_CASES), ("subtle", SUBTLE_CASES))
    }
    return found | {"threshold_on": _THRESHOLD_ON[_fit(bundle)]} | noticed


_THRESHOLD_ON = {"train": "validation", "folds": "left-out fold", "refit": "folds of training"}
"""`finetune.fit` -> which images the threshold is fixed on."""


def _fit(bundle: Bundle) -> str:
    return str(bundle.history.get("fit", "train"))


def _views(store: ViewStore, rows: pd.DataFrame, part: Part) -> Images:
    return np.asarray(store.images_hu[store.rows_of(rows.loc[rows["part"] == part, "nodule_id"].tolist())])


def _as_first_member_saw(rows: pd.DataFrame, fit: str) -> pd.DataFrame:
    """`rows` with the fold that the first member left out as validation, if it left out one."""
    if fit != "folds":
        return rows
    known = rows["part"] != Part.TEST
    part = rows["part"].astype("object").mask(known, Part.TRAIN.value)
    return rows.assign(part=part.mask(known & (rows["fold"] == 0), Part.VAL.value))


def abstained(far: FloatArray, threshold: float, patient_ids: IDS, params: EvaluateParams) -> dict[str, Any]:
    """How many test images, whose distances are `far` (M,), lie beyond the threshold.

    Returns:
        abstention (wanted), threshold; abstained {value, low, high, n, patients}.
    """
    beyond = far > threshold
    return {
        "abstention": params.trust.abstention,
        "threshold": threshold,
        "abstained": asdict(share(beyond, np.ones_like(beyond), patient_ids, params.confidence)),
    }


def spoilt_cases(
    cases: Mapping[str, Spoil],
    far_from_train: Far,
    far: FloatArray,
    images_hu: Images,
    *,
    threshold: float,
    seed: int,
) -> list[dict[str, Any]]:
    """Spoil test images (M, C, H, W) in every way of `cases`, and see if the distance notices.

    Returns:
        One {case, auroc, abstained} per way: AUROC of spoilt against right images (their distances are
        `far`), and share of spoilt ones beyond the threshold.
    """
    rng = np.random.default_rng(seed)
    chosen = np.unique(np.linspace(0, len(images_hu) - 1, min(MOST_CASES, len(images_hu))).astype(int))
    found = []
    for name, spoil in cases.items():
        wrong = far_from_train(spoil(images_hu[chosen], rng))
        abstains = float((wrong > threshold).mean())
        found.append({"case": name, "auroc": _auroc(far, wrong), "abstained": abstains})
    return found


def _cloud(fit: FloatArray) -> Cloud:
    """Of the embeddings (N, D) of one depth; how much distances from it vary is not known yet."""
    centre, scale = fit.mean(axis=0), scale_of(fit)
    covariance = shrunk_covariance((fit - centre) / scale)
    covariance.flat[:: len(centre) + 1] += _FLOOR
    half = cholesky(covariance, lower=True).astype(np.float32)
    return Cloud(centre, scale, half, np.zeros(()), np.ones(()))


def _apart(rows: FloatArray, folds: NDArray[np.int64]) -> FloatArray:
    """(N,): Mahalanobis distance of each row (N, D) from the cloud of the other folds."""
    found = np.empty(len(rows))
    for fold in np.unique(folds):
        own = folds == fold
        found[own] = _cloud(rows[~own]).mahalanobis(rows[own])
    return found


def _varying(clouds: Mapping[float, Cloud], held_out: Mapping[float, FloatArray]) -> Usual:
    """`held_out`: depth -> Mahalanobis distances (N,) of images that a cloud was not made of."""
    placed, by_depth = {}, []
    for depth, cloud in clouds.items():
        middle, high = np.quantile(held_out[depth], [0.5, 0.9])
        own = replace(cloud, middle=np.asarray(middle), spread=np.asarray((high - middle) or 1.0))
        placed[depth] = own
        by_depth.append((held_out[depth] - own.middle) / own.spread)
    return Usual(placed, np.sort(np.max(by_depth, axis=0)))


def _auroc(usual: FloatArray, wrong: FloatArray) -> float:
    scores = np.concatenate([usual, wrong])
    is_wrong: NDArray[np.bool_] = np.arange(len(scores)) >= len(usual)
    return float(auroc(count_found(rank(scores), is_wrong, np.ones((1, len(scores)))))[0])
