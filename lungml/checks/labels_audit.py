"""Leaks of the label through what is no part of the image: names, order, headers, sizes of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.checks.findings import Finding, Level, finding
from lungml.checks.label_leak import foretold, score_of_others, score_of_words
from lungml.checks.material import Material
from lungml.labels import LEFT_OUT
from lungml.params.audit import AuditParams

_HEADER = (
    "n_slices",
    "rows",
    "columns",
    "spacing_z_mm",
    "spacing_y_mm",
    "slice_thickness_mm",
    "manufacturer",
    "model",
    "kernel",
    "kvp",
    "padding_fraction",
)
"""What the scanner says; age and sex are facts about the patient, which may tell something."""
_TESTS = len(_HEADER) + 5
"""How many things are tried; each gets a share of the chance of a false warning (Bonferroni)."""
_WORD = re.compile(r"[A-Za-z]+|\d+")


def names(material: Material, params: AuditParams) -> Iterator[Finding]:
    """File names and nodule ids."""
    rows = _labelled(material)
    words = [_words(path, nodule) for path, nodule in zip(rows["path"], rows["nodule_id"], strict=True)]
    score = score_of_words(words, *_who(rows))
    yield from _told("LM-V012", score, rows, params, "file names and nodule ids")


def order(material: Material, params: AuditParams) -> Iterator[Finding]:
    """The place of a nodule among all, by its id (the order of the tables) and by its file's name."""
    rows = _labelled(material)
    for what, column in (("the order of the ids", "nodule_id"), ("the order of the file names", "path")):
        score = score_of_others([_places(rows[column])], *_who(rows))
        yield from _told("LM-V013", score, rows, params, what)


def headers(material: Material, params: AuditParams) -> Iterator[Finding]:
    """Each header field by itself, and all of them together."""
    rows = _labelled(material).merge(
        material.series[["series_uid", *_HEADER]], on="series_uid", how="left", validate="m:1"
    )
    fields = {name: rows[name].to_numpy() for name in _HEADER if rows[name].nunique(dropna=False) > 1}
    for name, values in fields.items():
        score = score_of_others([values], *_who(rows))
        yield from _told("LM-V014", score, rows, params, name)
    score = score_of_others(list(fields.values()), *_who(rows))
    yield from _told("LM-V014", score, rows, params, "all header fields together")


def sizes(material: Material, params: AuditParams) -> Iterator[Finding]:
    """The size of the file that holds the nodule's plane."""
    rows = _labelled(material)
    score = score_of_others([rows["file_bytes"].to_numpy()], *_who(rows))
    yield from _told("LM-V015", score, rows, params, "the size of the image file")


def _told(
    code: str, score: NDArray[np.float64], rows: pd.DataFrame, params: AuditParams, what: str
) -> Iterator[Finding]:
    labels, patients = _who(rows)
    told = foretold(score, labels, patients, 1 - (1 - params.confidence) / _TESTS)
    if told is not None and told.low > params.leak_auc:
        yield finding(code, Level.WARNING, rows.iloc[:0], f"{what}, {told}")


def _labelled(material: Material) -> pd.DataFrame:
    rows = material.nodules
    return rows[rows["binary"] != LEFT_OUT].reset_index(drop=True)


def _who(rows: pd.DataFrame) -> tuple[NDArray[np.int8], NDArray[np.object_]]:
    return rows["binary"].to_numpy(), rows["patient_id"].to_numpy(dtype=object)


def _words(path: str, nodule_id: str) -> frozenset[str]:
    """Words and numbers of a path and an id, alone and with the one before."""
    pieces = _WORD.findall(f"{path} {nodule_id}".lower())
    return frozenset(pieces) | {f"{first} {second}" for first, second in pairwise(pieces)}


def _places(names: pd.Series) -> NDArray[np.intp]:
    """Place of each name among all, with numbers in names compared as numbers."""
    keys = names.map(_natural)
    place = {key: number for number, key in enumerate(sorted(set(keys)))}
    return keys.map(place).to_numpy()


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in re.findall(r"\d+|\D+", name)
    )
