"""How much the nodules depend on what joins readings: how many there are under other parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lungml.nodules.consensus import Spacing, cluster, is_ambiguous
from lungml.nodules.lidc_xml import Kind, Reading
from lungml.nodules.linking import Placed
from lungml.nodules.masks import outlines_of
from lungml.nodules.stacks import reading_stack
from lungml.params.data import ConsensusParams

if TYPE_CHECKING:
    import pandas as pd

OVERLAP_FRACTIONS = (0.05, 0.1, 0.25, 0.5)
DISTANCES_MM = (0.0, 1.5, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class SeriesReadings:
    """Outlined readings of one series, and the spacing of its canonical axes (z, y, x)."""

    readings: tuple[Placed, ...]
    spacing_mm: Spacing


@dataclass(frozen=True)
class Outcome:
    """Nodules under one choice of parameters.

    `kept` counts those nodules in force whose readings are together here too, and with no other.
    """

    params: ConsensusParams
    nodules: int
    ambiguous: int
    kept: int


def sensitivity(cohort: Sequence[SeriesReadings], params: ConsensusParams) -> list[Outcome]:
    """Nodules under the parameters in force, which come first, and under each with one of them changed."""
    in_force = _nodules(cohort, params)
    return [_outcome(_nodules(cohort, each), in_force, each) for each in (params, *_others(params))]


def cohort_of(readings: pd.DataFrame, contours: pd.DataFrame, series: pd.DataFrame) -> list[SeriesReadings]:
    """Outlined readings of every series of the tables READINGS, CONTOURS and SERIES."""
    spacing = series.set_index("series_uid")[["spacing_z_mm", "spacing_y_mm", "spacing_x_mm"]]
    marks = readings[readings["kind"] == Kind.NODULE]
    outlines = dict(iter(contours.groupby("reading_id", sort=False)))
    cohort = []
    for uid, own in marks[marks["reading_id"].isin(outlines)].groupby("series_uid", sort=True):
        z, y, x = (float(value) for value in spacing.loc[str(uid)].to_numpy(dtype=np.float64))
        placed = [_placed(row, outlines[row["reading_id"]]) for _, row in own.iterrows()]
        cohort.append(SeriesReadings(tuple(placed), (z, y, x)))
    return cohort


def _placed(row: pd.Series, contours: pd.DataFrame) -> Placed:
    outlines = tuple(outlines_of(contours))
    return Placed(
        number=0,
        reading=Reading(int(row["reader"]), Kind.NODULE, {}, (), ()),
        outlines=outlines,
        stack=reading_stack(outlines),
        centre=row[["z_index", "y_index", "x_index"]].to_numpy(dtype=np.float64),
        diameter_mm=float(row["diameter_mm"]),
    )


def _others(params: ConsensusParams) -> Iterator[ConsensusParams]:
    for name, values in (("overlap_fraction", OVERLAP_FRACTIONS), ("distance_mm", DISTANCES_MM)):
        for value in values:
            if value != getattr(params, name):
                yield params.model_copy(update={name: value})


def _nodules(cohort: Sequence[SeriesReadings], params: ConsensusParams) -> list[tuple[Placed, ...]]:
    groups = (cluster(series.readings, series.spacing_mm, params) for series in cohort)
    return [tuple(group) for of_series in groups for group in of_series]


def _outcome(
    nodules: Sequence[tuple[Placed, ...]],
    in_force: Sequence[tuple[Placed, ...]],
    params: ConsensusParams,
) -> Outcome:
    here = {frozenset(map(id, members)) for members in nodules}
    kept = sum(frozenset(map(id, members)) in here for members in in_force)
    return Outcome(params, len(nodules), sum(map(is_ambiguous, nodules)), kept)
