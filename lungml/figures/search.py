"""How a model was found: the trials of the search, and the learning curve of the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lungml.figures.style import GRID, INK, MUTED, PALETTE, new_figure, new_grid

if TYPE_CHECKING:
    from lungml.tuning.trials import TrialResult


def draw_trials(trials: Sequence[TrialResult], title: str) -> Figure:
    """Draw the search: each trial's best epoch, pruned ones hollow, and the best so far as a line."""
    figure, axes = new_figure()
    done = [(trial.number + 1, trial.score, trial.pruned) for trial in trials if trial.score is not None]
    best_so_far = pd.Series({number: score for number, score, pruned in done if not pruned}).cummax()
    axes.step(best_so_far.index, best_so_far, where="post", color=MUTED, label="best so far")
    for is_pruned, name, colour in ((False, "complete", PALETTE[0]), (True, "pruned", "none")):
        points = [(number, score) for number, score, pruned in done if pruned is is_pruned]
        numbers, scores = zip(*points, strict=True) if points else ((), ())
        axes.scatter(numbers, scores, label=name, color=colour, edgecolors=PALETTE[0], zorder=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title=title, xlabel="trial", ylabel="validation weighted AUPRC, best epoch")
    axes.legend()
    return figure


def draw_importance(shares: Mapping[str, float], title: str) -> Figure:
    """Draw how much each hyper-parameter mattered, the most important on top.

    Args:
        shares: name -> share; they sum to 1. Empty where there were too few trials to say.
        title: above the figure.
    """
    figure, axes = new_figure()
    rising = sorted(shares.items(), key=lambda item: (item[1], item[0]))
    axes.barh([name for name, _ in rising], [share for _, share in rising], color=PALETTE[0])
    axes.set(title=title, xlabel="share of the variance of scores", xlim=(0, 1))
    if not shares:
        axes.annotate("too few trials to say", (0.5, 0.5), xycoords="axes fraction", ha="center", color=MUTED)
        axes.set_yticks([])
    return figure


def draw_learning_curve(
    curves: Mapping[str, pd.DataFrame], kept_epochs: Mapping[str, int], title: str
) -> Figure:
    """Draw the epochs of a training, a column for each variant.

    Args:
        curves: variant -> one row an epoch, columns as in `history.csv`.
        kept_epochs: variant -> whose weights were kept.
        title: above the figure.
    """
    figure, grid = new_grid(3, len(curves), width_in=max(6.4, 3.2 * len(curves)), height_in=6.0)
    for column, (variant, history) in zip(grid.T, curves.items(), strict=True):
        _draw_variant(column, history)
        for axes in column:
            _mark_epochs(axes, history, kept_epochs[variant])
        if len(curves) > 1:
            column[0].set_title(variant)
    for row, name in zip(grid, ("loss", "validation", "learning rate"), strict=True):
        row[0].set_ylabel(name)
        limits = [axes.get_ylim() for axes in row]
        for axes in row:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    grid[0, 0].legend()
    grid[1, 0].legend()
    figure.suptitle(title, x=0.02, ha="left", weight="bold")
    return figure


def _draw_variant(column: Sequence[Axes], history: pd.DataFrame) -> None:
    losses, scores, rates = column
    losses.plot(history["epoch"], history["train_loss"], label="train")
    losses.plot(history["epoch"], history["val_loss"], label="validation")
    scores.plot(history["epoch"], history["val_weighted_auprc"], label="weighted AUPRC")
    scores.plot(history["epoch"], history["val_balanced_accuracy"], label="balanced accuracy")
    rates.plot(history["epoch"], history["learning_rate"], color=INK)
    rates.set(xlabel="epoch", yscale="log")


def _mark_epochs(axes: Axes, history: pd.DataFrame, best_epoch: int) -> None:
    """Shade the head's epochs and draw a line at the best one."""
    head_epochs = int((history["phase"] == "head").sum())
    if head_epochs:
        axes.axvspan(0.5, head_epochs + 0.5, color=GRID, zorder=0)
    axes.axvline(best_epoch, color=MUTED, linestyle="--", linewidth=1.0)
    axes.set_xlim(0.5, len(history) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
