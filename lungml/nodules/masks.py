"""Contours of the tables to masks.

LIDC readers drew the outline just outside the nodule: its pixels are the first ones that do not belong to
it (Armato et al. 2011, doi:10.1118/1.3528204). So a mask is what lies strictly inside. Published tables of
LIDC areas and diameters often count the outline in, which makes a nodule one pixel wider.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lungml.nodules.polygon import strictly_inside
from lungml.nodules.stacks import Outline, Stack, consensus_stack, reading_stack

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]


def contour_mask(contours: pd.DataFrame, shape: tuple[int, int]) -> Mask:
    """Mask of one reading in one plane: inside an inclusion and in no hole.

    Args:
        contours: rows of table CONTOURS of one reading and one plane.
        shape: (y, x).
    """
    added, holes = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    for outline in outlines_of(contours):
        target = added if outline.inclusion else holes
        target |= strictly_inside(outline.y, outline.x, shape)
    return added & ~holes


def consensus_mask(
    contours: pd.DataFrame, readings: pd.DataFrame, nodule_id: str, mask_share: float
) -> Stack:
    """Consensus of a nodule in canonical voxels, cropped to where it is.

    Args:
        contours: table CONTOURS, at least the rows of the nodule's readings.
        readings: table READINGS, at least the nodule's rows.
        nodule_id: as in table NODULES.
        mask_share: share of its readers that must have marked a voxel (`consensus.mask_share`).
    """
    stacks: dict[int, list[Stack]] = defaultdict(list)
    of_nodule = readings[readings["nodule_id"] == nodule_id]
    for reading_id, reader in zip(of_nodule["reading_id"], of_nodule["reader"], strict=True):
        outlines = list(outlines_of(contours[contours["reading_id"] == reading_id]))
        stacks[int(reader)].append(reading_stack(outlines))
    return consensus_stack(stacks, mask_share)


def consensus_plane_mask(  # noqa: PLR0917 (the plane is named by three of them)
    contours: pd.DataFrame,
    readings: pd.DataFrame,
    nodule_id: str,
    z_index: int,
    shape: tuple[int, int],
    mask_share: float,
) -> Mask:
    """Plane `z_index` of the consensus of a nodule, (y, x) of `shape`; see `consensus_mask`."""
    plane: Mask = consensus_mask(contours, readings, nodule_id, mask_share).plane(z_index, shape)
    return plane


def outlines_of(contours: pd.DataFrame) -> Iterator[Outline]:
    """Rows of table CONTOURS as outlines."""
    columns = (contours[name] for name in ("z_index", "inclusion", "y_index", "x_index"))
    for z, inclusion, y, x in zip(*columns, strict=True):
        yield Outline(
            int(z), bool(inclusion), np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
        )
