# mypy: disable-error-code="no-any-return"
"""How far an image lies from those the model was trained on, in the embeddings of its own backbone.

Too far means: abstain. The threshold is fixed on validation, so that a known share of usual images lies
beyond it. Whether the distance notices anything is shown on images that are grossly wrong.

The last embedding alone misses what training taught the backbone to ignore: on phantoms a blank image was
nearer than a usual one (AUROC 0.21 and 0.29 in two models). So several depths are looked at, each by how far
it usually varies, and the farthest counts (there 1.00).

Source: Lee et al. 2018, arXiv 1807.03888 (Mahalanobis distance at several layers), here of one class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from lungml.bundle import Bundle, check_images
from lungml.evaluation.conformal import IDS
from lungml.evaluation.gross_cases import GROSS_CASES, Images
from lungml.evaluation.ranking import FloatArray, auroc, count_found, rank
from lungml.evaluation.shares import share
from lungml.imaging.store import ViewStore
from lungml.outliers.detectors import shrunk_covariance, standardise
from lungml.params.evaluation import EvaluateParams
from lungml.terms import Part

DEPTHS = (0.2, 0.6, 1.0)
"""Shares of the backbone's layers after which images are looked at."""
MOST_CASES = 200
"""So many test images are made wrong, spread evenly over the part."""
_BATCH = 64

Seen = Mapping[float, FloatArray]
"""Depth -> embeddings (N, D)."""
Embed = Callable[[Images], Seen]


@dataclass(frozen=True)
class Usual:
    """What usual images look like to a backbone."""

    fit: Seen
    """Of train."""
    halves: Mapping[float, FloatArray]
    """Depth -> lower half (D, D) of their shrunk covariance, once standardised."""
    ranges: Mapping[float, tuple[float, float]]
    """Depth -> median of the distances in validation, and how far above it their 90th percentile is."""
    abstention: float
    """Share of usual images that may lie beyond the threshold."""
    threshold: float


def embed(bundle: Bundle, images_hu: Images) -> Seen:
    """What the backbone of the bundle's first member makes of views (N, C, H, W) in HU, at every depth.

    Raises:
        ValueError: the images have another shape than the bundle's views.
    """
    from lungml.models.depths import embed_batches, normalised_batches

    check_images(bundle, images_hu)
    first = bundle.members[0]
    batches = normalised_batches(images_hu, first.normalisation, _BATCH)
    found = embed_batches(first.classifier.backbone, batches, DEPTHS)
    return {depth: vectors.astype(np.float64) for depth, vectors in found.items()}


def learn_usual(train: Seen, val: Seen, abstention: float) -> Usual:
    """Learn from the embeddings of train, and fix the threshold on those of validation."""
    halves = {
        depth: cholesky(shrunk_covariance(standardise(fit, fit)), lower=True) for depth, fit in train.items()
    }
    ranges = {depth: _range(mahalanobis(train[depth], halves[depth], rows)) for depth, rows in val.items()}
    ordered = np.sort(distances(Usual(train, halves, ranges, abstention, np.inf), val))
    place = int(np.ceil((len(ordered) + 1) * (1 - abstention))) - 1
    return Usual(train, halves, ranges, abstention, float(ordered[min(place, len(ordered) - 1)]))


def distances(usual: Usual, seen: Seen) -> FloatArray:
    """(M,): distance of M images from those of train, at the depth where it is largest: 0 usual, 1 rare."""
    by_depth = []
    for depth, rows in seen.items():
        middle, spread = usual.ranges[depth]
        by_depth.append((mahalanobis(usual.fit[depth], usual.halves[depth], rows) - middle) / spread)
    return np.max(by_depth, axis=0)


def mahalanobis(fit: FloatArray, half: FloatArray, rows: FloatArray) -> FloatArray:
    """(M,): distance of `rows` (M, D) from the mean of `fit` (N, D), `half` being that of its covariance."""
    centred = standardise(fit, rows).T
    return np.linalg.norm(solve_triangular(half, centred, lower=True, check_finite=False), axis=0)


def judge_distances(
    bundle: Bundle, store: ViewStore, rows: pd.DataFrame, params: EvaluateParams
) -> dict[str, Any]:
    """Learn from train, fix the threshold on validation, and look at test.

    Args:
        bundle: the model.
        store: views of all nodules.
        rows: nodule_id, patient_id and part of the nodules of the three parts.
        params: abstention, confidence and seed.

    Returns:
        What `abstained` does, and gross: what `gross_cases` does.
    """
    ordered = rows.sort_values("nodule_id")
    parts = {part: ordered[ordered["part"] == part] for part in Part}
    views = {part: store.images_hu[store.rows_of(own["nodule_id"].tolist())] for part, own in parts.items()}
    seen = {part: embed(bundle, images_hu) for part, images_hu in views.items()}
    usual = learn_usual(seen[Part.TRAIN], seen[Part.VAL], params.trust.abstention)
    far = distances(usual, seen[Part.TEST])
    found = abstained(usual, far, parts[Part.TEST]["patient_id"].to_numpy(), params.confidence)
    gross = gross_cases(usual, far, views[Part.TEST], partial(embed, bundle), seed=params.seed)
    return found | {"gross": gross}


def abstained(usual: Usual, far: FloatArray, patient_ids: IDS, confidence: float) -> dict[str, Any]:
    """How many test images lie beyond the threshold; their distances are `far` (M,).

    Returns:
        abstention (wanted), threshold; abstained {value, low, high, n, patients}.
    """
    beyond = far > usual.threshold
    return {
        "abstention": usual.abstention,
        "threshold": usual.threshold,
        "abstained": asdict(share(beyond, np.ones_like(beyond), patient_ids, confidence)),
    }


def gross_cases(
    usual: Usual, far: FloatArray, images_hu: Images, embed_images: Embed, *, seed: int
) -> list[dict[str, Any]]:
    """Make test images (M, C, H, W) wrong in every way of `GROSS_CASES`, and see if the distance notices.

    Returns:
        One {case, auroc, abstained} per way: AUROC of wrong against right images (their distances are `far`),
        and share of wrong ones beyond the threshold.
    """
    rng = np.random.default_rng(seed)
    chosen = np.unique(np.linspace(0, len(images_hu) - 1, min(MOST_CASES, len(images_hu))).astype(int))
    found = []
    for name, spoil in GROSS_CASES.items():
        wrong = distances(usual, embed_images(spoil(np.asarray(images_hu[chosen]), rng)))
        abstains = float((wrong > usual.threshold).mean())
        found.append({"case": name, "auroc": _auroc(far, wrong), "abstained": abstains})
    return found


def _range(far: FloatArray) -> tuple[float, float]:
    middle, high = np.quantile(far, [0.5, 0.9])
    return float(middle), float(high - middle) or 1.0


def _auroc(usual: FloatArray, wrong: FloatArray) -> float:
    scores = np.concatenate([usual, wrong])
    is_wrong: NDArray[np.bool_] = np.arange(len(scores)) >= len(usual)
    return float(auroc(count_found(rank(scores), is_wrong, np.ones((1, len(scores)))))[0])
