"""Pictures of an embedding laid out in a plane."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lungml.figures.style import INK, MUTED, PALETTE, SEQUENTIAL, hide_frame, new_grid

_LABELLED = 5
_PANEL_IN, _TITLES_IN = 3.0, 1.6
_MARKERS = "osD^vP"


def embedding_figure(points: pd.DataFrame, title: str) -> Figure:
    """Draw the nodules four times: by outlier score, readers' score, part and scanner maker.

    Args:
        points: one row per nodule: `tsne_x`, `tsne_y`, `unusual`, `rank`, `score` (1 to 5, NaN where there is
            none), `part` and `manufacturer`. Nodules of rank 1 to 5 carry their rank.
        title: says which view and backbone.
    """
    spread = points[["tsne_x", "tsne_y"]].max() - points[["tsne_x", "tsne_y"]].min()
    panel_in = _PANEL_IN * float(np.clip(spread["tsne_y"] / max(spread["tsne_x"], 1e-9), 0.5, 1.3))
    figure, grid = new_grid(2, 2, width_in=8.4, height_in=2 * panel_in + _TITLES_IN)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    panels = [hide(axes) for axes in grid.ravel()]
    # A few extreme nodules would leave one colour for all others, so the scale ends at their 98th percentile.
    top = float(np.nanpercentile(points["unusual"], 98))
    _quantity(panels[0], points, points["unusual"].clip(upper=top), "Outlier score (numbers: rank 1 to 5)")
    _ranks(panels[0], points)
    _quantity(panels[1], points, points["score"], "Readers' malignancy score")
    _groups(panels[2], points, points["part"], "Part of the split")
    _groups(panels[3], points, points["manufacturer"].replace("", "not stated"), "Scanner maker")
    return figure


def hide(axes: Axes) -> Axes:
    """Take the frame away and keep both directions on one scale: t-SNE axes mean nothing."""
    hide_frame(axes)
    axes.set_aspect("equal", adjustable="datalim")
    return axes


def _quantity(axes: Axes, points: pd.DataFrame, values: ArrayLike, title: str) -> None:
    axes.set_title(title)
    dots = axes.scatter(
        points["tsne_x"], points["tsne_y"], c=np.asarray(values), cmap=SEQUENTIAL, s=16, linewidths=0,
        plotnonfinite=True,
    )  # fmt: skip
    bar = axes.figure.colorbar(dots, ax=axes, shrink=0.8, pad=0.01)
    bar.outline.set_visible(False)


def _ranks(axes: Axes, points: pd.DataFrame) -> None:
    for _, point in points[points["rank"] <= _LABELLED].iterrows():
        axes.annotate(
            str(point["rank"]), (point["tsne_x"], point["tsne_y"]), xytext=(3, 3),
            textcoords="offset points", fontsize=8, fontweight="bold", color=PALETTE[1],
        )  # fmt: skip


def _groups(axes: Axes, points: pd.DataFrame, names: pd.Series, title: str) -> None:
    axes.set_title(title)
    usual = names.value_counts().index[: len(PALETTE)]
    for number, name in enumerate(usual):
        rows = points[names == name]
        axes.scatter(
            rows["tsne_x"], rows["tsne_y"], s=16, marker=_MARKERS[number], color=PALETTE[number],
            linewidths=0, label=f"{name} ({len(rows)})",
        )  # fmt: skip
    rest = points[~names.isin(usual)]
    if len(rest):
        axes.scatter(rest["tsne_x"], rest["tsne_y"], s=8, color=MUTED, label=f"others ({len(rest)})")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, handletextpad=0.2)
