"""The curve of a pretraining without labels."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungml.figures.style import INK, MUTED, new_grid


def draw_pretraining_curve(history: pd.DataFrame, title: str) -> Figure:
    """Draw the loss, its terms, and whether embeddings keep their spread.

    Args:
        history: one row an epoch, columns as in `history.csv` of stage pretrain.
        title: above the figure.
    """
    figure, grid = new_grid(3, 1, height_in=6.0)
    loss, terms, deviation = grid[:, 0]
    loss.plot(history["epoch"], history["loss"], color=INK)
    loss.set(title=title, ylabel="loss")
    for name in ("invariance", "variance", "covariance"):
        terms.plot(history["epoch"], history[name], label=name)
    terms.set(ylabel="term, unweighted", yscale="log")
    terms.legend()
    deviation.plot(history["epoch"], history["deviation"])
    deviation.axhline(1.0, color=MUTED, linestyle="--", linewidth=1.0)
    deviation.axhline(0.0, color=MUTED, linestyle=":", linewidth=1.0)
    deviation.set(ylabel="deviation (0: collapsed)", xlabel="epoch")
    for axes in (loss, terms, deviation):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
