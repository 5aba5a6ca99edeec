"""Curves and tables of a model's answers on the test part: precision-recall, ROC, calibration, confusion."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator, PercentFormatter
from numpy.typing import NDArray
from scipy.special import betaincinv
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from lungml.evaluation.calibration import Bin, reliability
from lungml.evaluation.tally import Cases
from lungml.figures.style import INK, MUTED, PALETTE, new_figure, new_grid

Truth = NDArray[np.bool_]
Scores = NDArray[np.float64]
Panel = Callable[[Axes, Truth, Scores, str], float]
"""Draws one curve and the chance line, and gives the area under the curve."""

_BELOW: Literal["outside lower left"] = "outside lower left"
_PANEL_IN = 2.9
_MODEL, _COMPARED = PALETTE[0], PALETTE[1]


def precision_recall_figure(model: Cases, diameter: Cases, class_names: Sequence[str], title: str) -> Figure:
    """One panel a class, each class against the rest: the model, the diameter alone, and chance."""
    return _class_panels(_precision_recall, model, diameter, class_names, title)


def roc_figure(model: Cases, diameter: Cases, class_names: Sequence[str], title: str) -> Figure:
    """One panel a class, each class against the rest: the model, the diameter alone, and chance.

    Of two classes only the second is drawn, as the first is its mirror image.
    """
    return _class_panels(_roc, model, diameter, class_names, title, first=len(class_names) == 2)


def calibration_figure(curves: dict[str, Cases], bins: int, title: str) -> Figure:
    """Accuracy by confidence of the predicted class, for each named set of probabilities.

    Bars are 95 % intervals (Clopper-Pearson) that take cases as independent.
    """
    figure, axes = new_figure(5.2, 4.6)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, label="perfectly calibrated")
    for number, (name, cases) in enumerate(curves.items()):
        _reliability(axes, reliability(cases, bins), name, number)
    lowest = 1 / next(iter(curves.values())).classes
    axes.set(xlim=(lowest - 0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set(xlabel="confidence: probability of the predicted class", ylabel="share of right answers")
    figure.legend(loc=_BELOW, ncols=3)
    return figure


def confusion_figure(cases: Cases, class_names: Sequence[str], title: str) -> Figure:
    """Cases by true (row) and predicted (column) class; colour is the share of the row."""
    classes = cases.classes
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (cases.labels, cases.predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = new_figure(2.6 + 1.0 * classes, 1.6 + 0.65 * classes)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    picture = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for row, column in np.ndindex(counts.shape):
        ink = "white" if shares[row, column] > 0.55 else INK
        text = f"{counts[row, column]}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    axes.grid(visible=False)
    axes.set_xticks(range(classes), [name.replace(" ", "\n") for name in class_names])
    axes.set_yticks(range(classes), list(class_names))
    axes.set(xlabel="predicted", ylabel="readers' consensus")
    bar = figure.colorbar(picture, ax=axes, format=PercentFormatter(1.0), shrink=0.9)
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    return figure


def _class_panels(
    draw: Panel, model: Cases, diameter: Cases, class_names: Sequence[str], title: str, *, first: int = 0
) -> Figure:  # fmt: skip
    numbers = range(first, len(class_names))
    columns = min(len(numbers), 3)
    rows = -(-len(numbers) // columns)
    size = {"width_in": max(_PANEL_IN * columns, 4.0), "height_in": 0.7 + (_PANEL_IN + 0.35) * rows}
    figure, grid = new_grid(rows, columns, **size)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    panels = grid.ravel()
    for axes, number in zip(panels, numbers, strict=False):
        truth = model.labels == number
        areas = [
            draw(axes, truth, cases.probabilities[:, number], colour)
            for cases, colour in ((diameter, _COMPARED), (model, _MODEL))
        ]
        _finish(axes, class_names[number], truth, areas)
    for axes in panels[len(numbers) :]:
        axes.set_axis_off()
    _legend(figure)
    return figure


def _precision_recall(axes: Axes, truth: Truth, scores: Scores, colour: str) -> float:
    axes.set(xlabel="recall", ylabel="precision")
    axes.plot([0, 1], [truth.mean()] * 2, "--", color=MUTED, linewidth=1, zorder=1)
    if not truth.any():
        return float("nan")
    precision, recall, _ = precision_recall_curve(truth, scores)
    axes.plot(recall, precision, color=colour, drawstyle="steps-post")
    return float(average_precision_score(truth, scores))


def _roc(axes: Axes, truth: Truth, scores: Scores, colour: str) -> float:
    axes.set(xlabel="false positive rate", ylabel="sensitivity")
    axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, zorder=1)
    if not truth.any() or truth.all():
        return float("nan")
    false, found, _ = roc_curve(truth, scores)
    axes.plot(false, found, color=colour)
    return float(roc_auc_score(truth, scores))


def _finish(axes: Axes, name: str, truth: Truth, areas: list[float]) -> None:
    axes.set_title(f"{name}, {int(truth.sum())} of {len(truth)}", fontsize=9)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xlabel(f"{axes.get_xlabel()}\narea: model {_number(areas[1])}, diameter {_number(areas[0])}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.25))


def _legend(figure: Figure) -> None:
    lines = [
        Line2D([], [], color=_MODEL, label="model"),
        Line2D([], [], color=_COMPARED, label="diameter alone"),
        Line2D([], [], color=MUTED, linestyle="--", linewidth=1, label="chance"),
    ]
    figure.legend(handles=lines, ncols=3, loc=_BELOW)


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.2f}"


def _reliability(axes: Axes, bins: list[Bin], name: str, number: int) -> None:
    accuracy = np.array([part.accuracy for part in bins])
    counts = np.array([part.count for part in bins])
    low, high = _clopper_pearson(accuracy * counts, counts)
    axes.errorbar(
        [part.confidence for part in bins], accuracy, yerr=[accuracy - low, high - accuracy],
        fmt="os"[number], color=PALETTE[number], markersize=5, elinewidth=1.2, label=name,
    )  # fmt: skip


def _clopper_pearson(
    right: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95 % interval of a share. Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404."""
    wrong = counts - right
    low = np.where(right > 0, betaincinv(np.maximum(right, 1), wrong + 1, 0.025), 0.0)
    high = np.where(wrong > 0, betaincinv(right + 1, np.maximum(wrong, 1), 0.975), 1.0)
    return low, high
