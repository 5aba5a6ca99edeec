"""Training images and the children that up-sampling made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lungml.figures.style import INK, MUTED, hide_frame, new_grid

_PARENTS, _CHILDREN = 6, 5


def draw_children(plan: pd.DataFrame, shades: NDArray[np.float32]) -> Figure:
    """Some parents with most children, of all classes in turn; each row begins with the parent.

    Args:
        plan: `Children.plan`.
        shades: (M, H, W), grey in 0..1.
    """
    parents = _chosen(plan)
    columns = 1 + min(_CHILDREN, int(plan["copy"].max()))
    figure, grid = new_grid(
        len(parents), columns, width_in=1.3 * columns, height_in=1.45 * len(parents) + 0.3
    )
    for axes in grid.flat:
        hide_frame(axes)
    for line, parent in zip(grid, parents, strict=True):
        rows = np.flatnonzero(plan["parent_id"] == parent)
        for axes, row in zip(line, rows, strict=False):
            axes.imshow(shades[row], cmap="gray", vmin=0, vmax=1)
            axes.set_xlabel(_in_words(plan.iloc[row]), fontsize=6.5, color=INK, labelpad=2)
        line[0].set_ylabel(f"class {plan['label'].iloc[rows[0]]}", fontsize=6.5, color=MUTED)
    return figure


def _chosen(plan: pd.DataFrame) -> list[str]:
    """Of each class in turn the parent with most children."""
    last = plan.sort_values(["copy", "parent_id"], ascending=[False, True]).drop_duplicates("parent_id")
    turns = last.assign(turn=last.groupby("label").cumcount())
    return list(turns.sort_values(["turn", "label"])["parent_id"][:_PARENTS])


def _in_words(row: pd.Series) -> str:
    if row["copy"] == 0:
        return str(row["parent_id"])
    flips = "".join(name for name, on in (("x", row["flip_x"]), ("y", row["flip_y"])) if on)
    return f"{row['angle_degrees']:+.0f}°, zoom {row['zoom']:.2f}" + (f", flip {flips}" if flips else "")
