"""Grad-CAM++ maps over CT: one figure a case, and a gallery of all cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from lungml.figures.style import INK, MUTED, PALETTE, hide_frame, new_grid

_OUTLINE = "#39D5FF"
_BOX = "#FFFFFF"
_ALARM = PALETTE[1]
_MAP_COLOURS = "inferno"
_STRONGEST = 0.6
_KEY = "Above a map: group, predicted class, its probability. Bright: speaks for it. Line: readers' outline."


@dataclass(frozen=True)
class Picture:
    """A case to draw."""

    image_hu: NDArray[np.int16]
    """(H, W)."""
    mask: NDArray[np.bool_]
    """(H, W): the nodule."""
    map: NDArray[np.float32]
    """(H, W), at least 0; all 0 is an empty map."""
    window_hu: tuple[float, float]
    pixel_spacing_mm: float
    title: str
    """The task and the group of the case."""
    truth: str
    """Name of the true class."""
    answer: str
    """Name of the predicted class and its probability."""
    caption: str
    warning: str = ""
    """What to write over the map, where it is not to be trusted."""


def case_figure(picture: Picture) -> Figure:
    """The CT with the nodule's outline, and the same with the map over it."""
    figure, grid = new_grid(1, 2, width_in=6.4, height_in=4.1)
    title = f"{picture.title}\nreaders: {picture.truth}; model: {picture.answer}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold", color=INK)
    plain, mapped = grid[0]
    _draw_ct(plain, picture)
    _draw_box(plain, picture)
    plain.set_title("CT with the readers' outline", fontsize=8, fontweight="normal")
    _scale_bar(plain, picture)
    _draw_ct(mapped, picture)
    _draw_map(mapped, picture)
    _draw_box(mapped, picture)
    mapped.set_title("Grad-CAM++ for the predicted class", fontsize=8, fontweight="normal")
    _warn(mapped, picture.warning)
    figure.supxlabel(picture.caption, x=0.01, ha="left", fontsize=8, color=INK)
    return figure


def gallery_figure(cells: dict[tuple[str, str], list[Picture]], title: str, *, warning: str = "") -> Figure:
    """Maps of all cases: a row for each true class, side by side the groups; `cells` maps (class, group)."""
    classes, groups = (list(dict.fromkeys(key[place] for key in cells)) for place in (0, 1))
    wide = max(1, *(len(pictures) for pictures in cells.values()))
    size = {"width_in": 0.5 + 1.7 * wide * len(groups), "height_in": 0.7 + 2.1 * len(classes)}
    figure, grid = new_grid(len(classes), wide * len(groups), **size)
    figure.suptitle(_with(title, warning), x=0.01, ha="left", fontsize=9, fontweight="bold", color=INK)
    for axes in grid.ravel():
        hide_frame(axes)
    for (name, group), pictures in cells.items():
        row, column = classes.index(name), wide * groups.index(group)
        if not pictures:
            grid[row, column].text(0.5, 0.5, f"no {group} case", ha="center", color=MUTED, fontsize=8)
        for axes, picture in zip(grid[row, column:], pictures, strict=False):
            _draw_ct(axes, picture)
            _draw_map(axes, picture)
            axes.set_title(f"{group}\n{picture.answer}", fontsize=7, fontweight="normal")
            _warn(axes, warning)
    for axes, name in zip(grid[:, 0], classes, strict=True):
        axes.set_ylabel(f"readers: {name}", fontsize=8)
    figure.supxlabel(_KEY, x=0.01, ha="left", fontsize=8, color=INK)
    return figure


def _draw_ct(axes: Axes, picture: Picture) -> None:
    low_hu, high_hu = picture.window_hu
    hide_frame(axes)
    axes.imshow(picture.image_hu, cmap="gray", vmin=low_hu, vmax=high_hu, interpolation="bilinear")
    if picture.mask.any():
        axes.contour(picture.mask, levels=[0.5], colors=_OUTLINE, linewidths=1.0)


def _draw_map(axes: Axes, picture: Picture) -> None:
    highest = picture.map.max()
    if not highest:
        axes.text(
            0.5, 0.06, "empty map", transform=axes.transAxes, ha="center", color="white", fontsize=8
        )  # fmt: skip
        return
    share = picture.map / highest
    axes.imshow(share, cmap=_MAP_COLOURS, vmin=0, vmax=1, alpha=_STRONGEST * share, interpolation="bilinear")


def _draw_box(axes: Axes, picture: Picture) -> None:
    """The box around the nodule, with its width and height in mm."""
    if not picture.mask.any():
        return
    rows, columns = (np.flatnonzero(picture.mask.any(axis=other)) for other in (1, 0))
    top, left = rows[0] - 0.5, columns[0] - 0.5
    height, width = rows[-1] + 0.5 - top, columns[-1] + 0.5 - left
    box = Rectangle((left, top), width, height, fill=False, edgecolor=_BOX, linewidth=0.7, linestyle="--")
    axes.add_patch(box)
    wide_mm, high_mm = (side * picture.pixel_spacing_mm for side in (width, height))
    axes.annotate(
        f"{wide_mm:.0f} x {high_mm:.0f} mm", (left + width / 2, top), (0, 2), textcoords="offset points",
        color=_BOX, fontsize=7, ha="center", va="bottom",
    )  # fmt: skip


def _warn(axes: Axes, warning: str) -> None:
    if warning:
        axes.text(
            0.5, 0.97, warning, transform=axes.transAxes, ha="center", va="top", fontsize=7, color="white",
            bbox={"facecolor": _ALARM, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip


def _with(title: str, warning: str) -> str:
    return f"{title}: {warning}" if warning else title


def _scale_bar(axes: Axes, picture: Picture) -> None:
    """10 mm, or 50 mm where the image is wide."""
    height, width = picture.mask.shape
    length_mm = 10 if width * picture.pixel_spacing_mm < 150 else 50
    length_px = length_mm / picture.pixel_spacing_mm
    left, y = 0.05 * width, 0.95 * height
    axes.plot([left, left + length_px], [y, y], color="white", linewidth=2, solid_capstyle="butt")
    axes.text(left, y - 0.02 * height, f"{length_mm} mm", color="white", fontsize=7, va="bottom")
