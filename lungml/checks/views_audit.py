"""Leaks that the views tell: copies and neighbouring slices in other parts, marks that tell the label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.stats import rankdata

from lungml.checks.findings import Finding, Level, Likeness, finding
from lungml.checks.label_leak import foretold
from lungml.checks.material import Material
from lungml.imaging.store import ViewStore
from lungml.labels import LEFT_OUT
from lungml.params.audit import AuditParams
from lungml.similarity import Pair, alike_slices, fingerprints, near_duplicates
from lungml.terms import AIR_HU, View

_FRAME = 1 / 8
"""Width of the frame of a view in which a mark is looked for, as a share of the view's."""
_SURROUNDINGS_PX = 5
_BRIGHTEST_HU = 400
_LEAST_OF_A_CLASS = 10
_CODES = {("exact", View.NODULE): "LM-V007", ("near", View.NODULE): "LM-V008"}
_CODES |= {("exact", View.SLICE): "LM-V007", ("near", View.SLICE): "LM-V006"}


def copies(material: Material, params: AuditParams) -> Iterator[Finding]:
    """Views that are alike: an alarm in different parts, a note in one."""
    for view, store in material.views.items():
        rows = _rows(material, store)
        images = store.images_hu[rows["row"].to_numpy(), store.images_hu.shape[1] // 2]
        for pair in _pairs(view, images, params):
            yield _copy(rows.iloc[[pair.first, pair.second]], view, pair)


def marks(material: Material, params: AuditParams) -> Iterator[Finding]:
    """A pixel near the edge of a view that tells the label."""
    for view, store in material.views.items():
        rows = _rows(material, store)
        rows = rows[rows["binary"] != LEFT_OUT]
        labels = rows["binary"].to_numpy()
        if np.bincount(labels, minlength=2).min() < _LEAST_OF_A_CLASS:
            continue
        images = store.images_hu[rows["row"].to_numpy(), store.images_hu.shape[1] // 2]
        places, details = _frame_details(images)
        area = _areas(details, labels)
        best = int(np.abs(area - 0.5).argmax())
        strict = params.model_copy(update={"confidence": 1 - (1 - params.confidence) / len(area)})
        score = details[:, best] * np.sign(area[best] - 0.5)
        told = foretold(score, labels, rows["patient_id"].to_numpy(), strict.confidence)
        if told is not None and told.low > params.leak_auc:
            at = f"pixel row {places[best, 0]}, column {places[best, 1]} of the {view} views, {told}"
            yield finding("LM-V016", Level.WARNING, rows.iloc[:0], at)


def _rows(material: Material, store: ViewStore) -> pd.DataFrame:
    """Nodules that have a view, and `row`: where it is in the store."""
    place = pd.Series(np.arange(len(store.items)), index=store.items["nodule_id"])
    rows = material.nodules.assign(row=material.nodules["nodule_id"].map(place))
    rows = rows[rows["row"].notna()]
    return rows.assign(row=rows["row"].astype(np.intp)).reset_index(drop=True)


def _pairs(view: View, images: NDArray[np.int16], params: AuditParams) -> list[Pair]:
    if view is View.SLICE:
        return alike_slices(images, least=params.slice_correlation, turned=params.turned_copies)
    return near_duplicates(fingerprints(images), rigid=params.turned_copies, least=params.near_correlation)


def _copy(two: pd.DataFrame, view: View, pair: Pair) -> Finding:
    across = two["part"].nunique() > 1
    words = f"{view} views, {pair.kind}, correlation {pair.correlation:.3f}, in {' and '.join(two['part'])}"
    found = finding(
        _CODES[pair.kind, view], Level.ALARM if across else Level.NOTE, two.sort_values("nodule_id"), words
    )
    return Finding(
        found.code,
        found.level,
        found.nodules,
        found.parts,
        words,
        Likeness(view, pair.kind, pair.correlation),
    )


def _frame_details(images_hu: NDArray[np.int16]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Places (P, 2) of the frame's pixels, and (N, P) by how much each differs from what is around it."""
    size_px = images_hu.shape[-1]
    width_px = max(2, round(size_px * _FRAME))
    inner = np.zeros((size_px, size_px), bool)
    inner[width_px:-width_px, width_px:-width_px] = True
    places = np.argwhere(~inner)
    details = np.empty((len(images_hu), len(places)), np.float32)
    for row, image_hu in enumerate(images_hu):
        grey = np.clip(image_hu, AIR_HU, _BRIGHTEST_HU).astype(np.float32)
        details[row] = (grey - uniform_filter(grey, _SURROUNDINGS_PX, mode="nearest"))[~inner]
    return places, details


def _areas(values: NDArray[np.float32], labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """(P,): area under the ROC curve of each column (N, P)."""
    positive = int((labels == 1).sum())
    ranks = rankdata(values, axis=0)[labels == 1].sum(axis=0)
    areas: NDArray[np.float64] = (ranks - positive * (positive + 1) / 2) / (
        positive * (len(labels) - positive)
    )
    return areas
