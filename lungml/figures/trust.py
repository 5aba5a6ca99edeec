"""Figures of what says how far a result can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lungml.evaluation.selective import risk_coverage
from lungml.evaluation.tally import Cases
from lungml.figures.style import INK, MUTED, PALETTE, new_figure, save

Json = Mapping[str, Any]

_BELOW: Literal["outside lower left"] = "outside lower left"
_MODEL, _COMPARED = PALETTE[0], PALETTE[1]
_ROW_IN = 0.24


def draw_trust(folder: Path, task: str, test: Cases, found: Json) -> None:
    """Write the figures of one `trust.json` into a folder.

    Args:
        folder: where they go.
        task: for the titles.
        test: the answers as trained.
        found: content of `trust.json`.
    """
    figures = {
        "risk_coverage": risk_coverage_figure(test, found["selective"], f"{task}: errors left on test"),
        "decision": decision_figure(found["decision"], f"{task}: decision curve on test"),
        "subgroups": subgroups_figure(found["subgroups"], f"{task}: AUROC by group on test"),
        "reliability": reliability_figure(found["calibration"], f"{task}: stated and true shares on test"),
    }
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")


def risk_coverage_figure(test: Cases, selective: Json, title: str) -> Figure:
    """Share of wrong answers by share of cases answered; bars are at thresholds fixed on validation."""
    figure, axes = _plain(title)
    coverage, risk = risk_coverage(test)
    axes.plot(coverage, risk, color=_MODEL, drawstyle="steps-pre", label="surest cases first")
    axes.axhline(selective["area_without_order"], color=MUTED, linestyle="--", linewidth=1,
                 label="any order")  # fmt: skip
    shown = [point for point in selective["points"] if point["wrong"]["low"] is not None]
    _bars(
        axes,
        [point["answered"]["value"] for point in shown],
        [point["wrong"] for point in shown],
        colour=_COMPARED,
        label="threshold of validation",
    )
    axes.set(xlim=(0, 1.02), ylim=(-0.01, None), xlabel="share of cases answered", ylabel="wrong among them")
    _percent(axes)
    figure.legend(loc=_BELOW, ncols=3)
    return figure


def decision_figure(decision: Json, title: str) -> Figure:
    """Net benefit by the probability from which one would act."""
    figure, axes = _plain(title)
    points = decision["points"]
    at = np.array([point["threshold"] for point in points])
    model = [point["model"] for point in points]
    treat_all = np.array([point["treat_all"] for point in points])
    values = np.array([part["value"] for part in model])
    if all(part["low"] is not None for part in model):
        low, high = (np.array([part[end] for part in model]) for end in ("low", "high"))
        axes.fill_between(at, low, high, color=_MODEL, alpha=0.15, linewidth=0)
    axes.plot(at, values, color=_MODEL, label="act on the model")
    axes.plot(at, treat_all, color=_COMPARED, label="act on everyone")
    axes.axhline(0.0, color=MUTED, linestyle="--", linewidth=1, label="act on no one")
    top = max(float(treat_all.max()), float(values.max()), 0.05)
    axes.set(xlim=(0, 1), ylim=(-0.25 * top, 1.1 * top))
    axes.set(xlabel="probability of malignant from which one would act", ylabel="net benefit")
    figure.legend(loc=_BELOW, ncols=3)
    return figure


def subgroups_figure(found: Json, title: str) -> Figure:
    """One row a group with its AUROC; groups too small or of one class are named without a bar."""
    groups = list(found["groups"])
    figure, axes = new_figure(6.8, 1.3 + _ROW_IN * max(len(groups), 4))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    worst = found["worst"]
    for row, group in enumerate(groups):
        area = group["auroc"]
        if area["value"] is None:
            axes.text(0.01, row, _why_not(group), va="center", color=MUTED, fontsize=8)
            continue
        is_worst = worst is not None and all(worst[key] == group[key] for key in ("grouping", "group"))
        colour = _COMPARED if is_worst else _MODEL
        if area["low"] is not None:
            axes.plot([area["low"], area["high"]], [row, row], color=colour, linewidth=1.6)
        axes.plot(area["value"], row, "s" if is_worst else "o", color=colour, markersize=5)
    axes.axvline(0.5, color=MUTED, linestyle="--", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(len(groups) - 0.4, -0.6), xlabel="AUROC of malignant or not (dashed: chance)")
    axes.set_yticks(range(len(groups)), [f"{one['grouping']}: {one['group']}, {one['n']}" for one in groups])
    return figure


def reliability_figure(calibration: Json, title: str) -> Figure:
    """True share of malignant cases by stated probability: as trained, and as repaired."""
    figure, axes = _plain(title)
    axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, label="what is stated comes true")
    shown = ["as trained", *(name for name in (calibration["chosen"],) if name != "as trained")]
    for number, name in enumerate(shown):
        bins = [part for part in calibration["ways"][name]["bins"] if part["true"]["low"] is not None]
        where = [part["stated"] for part in bins]
        _bars(axes, where, [part["true"] for part in bins], colour=PALETTE[number], label=name)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set(xlabel="stated probability of malignant", ylabel="share of malignant")
    _percent(axes)
    figure.legend(loc=_BELOW, ncols=3)
    return figure


def _plain(title: str) -> tuple[Figure, Axes]:
    figure, axes = new_figure(5.2, 4.4)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=INK)
    return figure, axes


def _bars(axes: Axes, where: Sequence[float], shares: Sequence[Json], *, colour: str, label: str) -> None:
    values = np.array([part["value"] for part in shares])
    ends = np.array([[part["value"] - part["low"], part["high"] - part["value"]] for part in shares])
    axes.errorbar(
        where, values, yerr=np.maximum(ends.reshape(-1, 2).T, 0.0), fmt="s", color=colour, markersize=4,
        elinewidth=1.2, label=label,
    )  # fmt: skip


def _percent(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _why_not(group: Json) -> str:
    return "too few" if group["too_few"] else f"one class only ({group['malignant']} malignant)"
