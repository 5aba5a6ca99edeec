"""Readings of several readers to consensus nodules.

LIDC has no nodule identity across readers, so readings are joined by where they are: two readings of
different readers belong together if their voxels overlap enough or their centres are near, and so does
whatever is joined to either (transitive closure). Two readings of one reader are never joined directly, as
that reader saw two nodules; if others join them, the nodule is ambiguous.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.nodules.linking import Placed
from lungml.nodules.stacks import Stack, consensus_stack, overlap
from lungml.params.data import ConsensusParams

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Nodule:
    """A consensus nodule; `centre` is (z, y, x) in canonical voxels."""

    members: tuple[Placed, ...]
    n_readers: int
    scores: tuple[int, ...]
    diameter_mm: float
    volume_mm3: float
    centre: tuple[float, float, float]
    largest_z_index: int
    ambiguous: bool


def consensus_nodules(
    readings: Sequence[Placed], spacing_mm: Spacing, params: ConsensusParams
) -> list[Nodule]:
    """Join readings of one series into nodules, ordered by z, y, x.

    Args:
        readings: placed readings; those without voxels (points) are left out.
        spacing_mm: of the canonical axes (z, y, x).
        params: when readings belong together.
    """
    outlined = [reading for reading in readings if reading.stack is not None]
    nodules = [_nodule(group, spacing_mm, params) for group in cluster(outlined, spacing_mm, params)]
    return sorted(nodules, key=lambda nodule: nodule.centre)


def cluster(readings: Sequence[Placed], spacing_mm: Spacing, params: ConsensusParams) -> list[list[Placed]]:
    """Groups of readings that are joined directly or through others."""
    group_of = list(range(len(readings)))
    for later in range(len(readings)):
        for earlier in range(later):
            apart = group_of[earlier] != group_of[later]
            if apart and _belong_together(readings[earlier], readings[later], spacing_mm, params):
                old, new = group_of[later], group_of[earlier]
                group_of = [new if group == old else group for group in group_of]
    groups: dict[int, list[Placed]] = defaultdict(list)
    for group, reading in zip(group_of, readings, strict=True):
        groups[group].append(reading)
    return list(groups.values())


def _belong_together(first: Placed, second: Placed, spacing_mm: Spacing, params: ConsensusParams) -> bool:
    if first.reading.reader == second.reading.reader or first.stack is None or second.stack is None:
        return False
    distance = float(np.linalg.norm((first.centre - second.centre) * spacing_mm))
    if distance <= params.distance_mm:
        return True
    shared = overlap(first.stack, second.stack)
    return shared > 0 and shared >= params.overlap_fraction * min(first.stack.size, second.stack.size)


def _nodule(members: Sequence[Placed], spacing_mm: Spacing, params: ConsensusParams) -> Nodule:
    stacks: dict[int, list[Stack]] = defaultdict(list)
    for member in members:
        if member.stack is not None:
            stacks[member.reading.reader].append(member.stack)
    mask = consensus_stack(stacks, params.mask_share)
    z, y, x = (float(value) for value in mask.centre())
    malignancies = [member.reading.ratings["malignancy"] for member in members]
    return Nodule(
        members=tuple(members),
        n_readers=len(stacks),
        scores=tuple(sorted(score for score in malignancies if score)),
        diameter_mm=float(np.mean([member.diameter_mm for member in members])),
        volume_mm3=mask.size * math.prod(spacing_mm),
        centre=(z, y, x),
        largest_z_index=mask.origin[0] + _largest_plane(mask.voxels),
        ambiguous=is_ambiguous(members),
    )


def is_ambiguous(members: Sequence[Placed]) -> bool:
    """Whether a reader marked the nodule twice, or it has more readings than LIDC has readers."""
    readers = {member.reading.reader for member in members}
    return len(members) > min(len(readers), _USUAL_READERS)


_USUAL_READERS = 4
"""LIDC has up to four; more readings of one nodule mean that something is joined that should not be."""


def _largest_plane(voxels: NDArray[np.bool_]) -> int:
    """Plane with the most voxels; of equal ones the lowest."""
    return int(voxels.sum(axis=(1, 2)).argmax())
