"""Pictures of an embedding laid out in a plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lungml.figures.style import INK, MUTED, PALETTE, SEQUENTIAL, hide_frame, new_grid

_LABELLED, _FIRST = 5, 30
_PANEL_IN, _TITLES_IN = 3.0, 2.2
_MARKERS = "osD^vP"
_MOST, _LEAST, _CROWD = 16.0, 4.0, 300
"""Area of a marker for few and for many nodules, and from how many on it shrinks, in points squared."""
_RANKS = ["1 to 10", f"11 to {_FIRST}", "others"]


def embedding_figure(points: pd.DataFrame, title: str) -> Figure:
    """Draw the nodules six times: by outlier score, rank, detector, readers' score, part and scanner maker.

    Args:
        points: one row per nodule: `tsne_x`, `tsne_y`, `unusual`, `rank`, `detector`, `score` (1 to 5, NaN
            where there is none), `part` and `manufacturer`. Nodules of rank 1 to 5 carry their rank.
        title: says which view and backbone.
    """
    spread = points[["tsne_x", "tsne_y"]].max() - points[["tsne_x", "tsne_y"]].min()
    panel_in = _PANEL_IN * float(np.clip(spread["tsne_y"] / max(spread["tsne_x"], 1e-9), 0.5, 1.3))
    figure, grid = new_grid(3, 2, width_in=8.4, height_in=3 * panel_in + _TITLES_IN)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    panels = [hide(axes) for axes in grid.ravel()]
    # A few extreme nodules would leave one colour for all others, so the scale ends at the 95th percentile.
    top = float(np.nanpercentile(points["unusual"], 95))
    _quantity(panels[0], points, points["unusual"].clip(upper=top), "Outlier score")
    ranks = pd.cut(points["rank"], [0, 10, _FIRST, np.inf], labels=_RANKS).astype(str)
    _groups(panels[1], points, ranks, "Outlier rank (numbers: 1 to 5)", names=_RANKS[:2])
    _ranks(panels[1], points)
    _groups(
        panels[2], points, points["detector"].where(points["rank"] <= _FIRST),
        f"Detector that says so, rank 1 to {_FIRST}",
    )  # fmt: skip
    _quantity(panels[3], points, points["score"], "Readers' malignancy score")
    _groups(panels[4], points, points["part"], "Part of the split")
    _groups(panels[5], points, points["manufacturer"].replace("", "not stated"), "Scanner maker")
    return figure


def hide(axes: Axes) -> Axes:
    """Take the frame away and keep both directions on one scale: t-SNE axes mean nothing."""
    hide_frame(axes)
    axes.set_aspect("equal", adjustable="datalim")
    return axes


def _quantity(axes: Axes, points: pd.DataFrame, values: ArrayLike, title: str) -> None:
    axes.set_title(title)
    dots = axes.scatter(
        points["tsne_x"], points["tsne_y"], c=np.asarray(values), cmap=SEQUENTIAL, s=_size(points),
        linewidths=0, plotnonfinite=True,
    )  # fmt: skip
    bar = axes.figure.colorbar(dots, ax=axes, shrink=0.8, pad=0.01)
    bar.outline.set_visible(False)


def _ranks(axes: Axes, points: pd.DataFrame) -> None:
    for _, point in points[points["rank"] <= _LABELLED].iterrows():
        axes.annotate(
            str(point["rank"]), (point["tsne_x"], point["tsne_y"]), xytext=(3, 3),
            textcoords="offset points", fontsize=8, fontweight="bold", color=INK,
        )  # fmt: skip


def _groups(
    axes: Axes, points: pd.DataFrame, values: pd.Series, title: str, names: Sequence[str] | None = None
) -> None:
    """One colour and marker for each of `names` (default: the most frequent values), on top of the others."""
    axes.set_title(title)
    shown = list(values.value_counts().index[: len(PALETTE)] if names is None else names)
    rest = points[~values.isin(shown)]
    if len(rest):
        axes.scatter(
            rest["tsne_x"], rest["tsne_y"], s=_size(points) / 2, color=MUTED, linewidths=0, alpha=0.6
        )
    size = _MOST if len(points) - len(rest) <= _FIRST else _size(points)
    for number, name in enumerate(shown):
        rows = points[values == name]
        axes.scatter(
            rows["tsne_x"], rows["tsne_y"], s=size, marker=_MARKERS[number], color=PALETTE[number],
            linewidths=0, label=f"{name} ({len(rows)})",
        )  # fmt: skip
    if len(rest):
        axes.scatter([], [], s=8, color=MUTED, linewidths=0, alpha=0.6, label=f"others ({len(rest)})")
    legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, handletextpad=0.2)
    for dots in legend.legend_handles:
        dots.set_sizes([_MOST])  # type: ignore[union-attr]


def _size(points: pd.DataFrame) -> float:
    return float(np.clip(_MOST * _CROWD / len(points), _LEAST, _MOST))
