"""The phantom cohort as a picture: slices and nodules by the readers' class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from lungml.figures.style import INK, MUTED, PALETTE, hide_frame, new_grid
from lungml.phantom.montage import CROP_MM, CROPS_PER_CLASS, ClassColumn
from lungml.terms import Target

_LUNG_HU, _SOFT_TISSUE_HU, _CROP_HU = (-1350.0, 150.0), (-160.0, 240.0), (-1000.0, 400.0)
_GREYS = 28
"""Grey levels drawn: more are not seen in print and make the file large."""


def montage_figure(columns: Sequence[ClassColumn]) -> Figure:
    """A column per class: a slice in the lung and in the soft-tissue window, then crops around nodules."""
    rows = 2 + CROPS_PER_CLASS
    figure, grid = new_grid(rows, len(columns), width_in=1.24 * len(columns), height_in=1.4 * rows + 0.4)
    for axes in grid.flat:
        hide_frame(axes)
    for place, column in enumerate(columns):
        _draw_slices(grid[0, place], grid[1, place], column)
        for axes, crop in zip(grid[2:, place], column.crops, strict=False):
            _show(axes, crop.image_hu, _CROP_HU)
            axes.set_xlabel(crop.caption, fontsize=6.5, color=INK, labelpad=2)
    for axes, name in zip(grid[:, 0], _row_names(), strict=True):
        axes.set_ylabel(name, fontsize=6.5, color=MUTED)
    return figure


def _draw_slices(lung: Axes, soft: Axes, column: ClassColumn) -> None:
    name = Target.FIVE.class_names[column.tumor_class - 1]
    lung.set_title(name.replace(" ", "\n", 1), fontsize=7, fontweight="bold", loc="center")
    _show(lung, column.slice_hu, _LUNG_HU)
    _show(soft, column.slice_hu, _SOFT_TISSUE_HU)
    size = column.slice_hu.shape[0]
    row, across = column.nodule_at
    lung.add_patch(
        Circle((across * size, row * size), 0.06 * size, fill=False, color=PALETTE[4], linewidth=0.9)
    )
    soft.set_xlabel(column.slice_caption, fontsize=6.5, color=INK, labelpad=2)


def _show(axes: Axes, image_hu: NDArray[np.int16], window_hu: tuple[float, float]) -> None:
    low, high = window_hu
    shade = np.clip((image_hu - low) / (high - low), 0, 1)
    axes.imshow(np.rint(shade * _GREYS) / _GREYS, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")


def _row_names() -> list[str]:
    crops = [f"{CROP_MM:.0f} mm crops"] + [""] * (CROPS_PER_CLASS - 1)
    return ["lung window", "soft-tissue window", *crops]
