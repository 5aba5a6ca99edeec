"""Pictures of backbone screening."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lungml.figures.style import GRID, INK, MUTED, PALETTE, hide_frame, new_figure

_MARKERS = "osD^vP"


def screening_heatmap(cells: pd.DataFrame, title: str) -> Figure:
    """Draw weighted AUPRC by backbone and depth; a star marks the cells that tie with the best.

    Args:
        cells: one row per cell: `backbone`, `depth`, `weighted_auprc`, `tied`.
        title: says which task.
    """
    values = cells.pivot_table(index="backbone", columns="depth", values="weighted_auprc", sort=False)
    values = values.sort_index(axis="columns")
    tied = {(row.backbone, row.depth) for row in cells.itertuples() if row.tied}
    figure, axes = new_figure(2.6 + 0.85 * len(values.columns), 1.3 + 0.55 * len(values))
    shown = axes.imshow(values, aspect="auto")
    middle = float(np.nanmean([values.min(axis=None), values.max(axis=None)]))
    for row, backbone in enumerate(values.index):
        for column, depth in enumerate(values.columns):
            value = values.loc[backbone, depth]
            star = "*" if (backbone, depth) in tied else ""
            colour = "white" if value < middle else INK
            axes.text(column, row, f"{value:.3f}{star}", ha="center", va="center", color=colour)
    hide_frame(axes)
    axes.set_xticks(range(len(values.columns)), [f"{depth:.0%}" for depth in values.columns], fontsize=9)
    axes.set_yticks(range(len(values.index)), list(values.index))
    axes.set_xlabel("frozen fraction below the probe")
    axes.set_title(title)
    bar = figure.colorbar(shown, ax=axes, label="weighted AUPRC", pad=0.02)
    bar.outline.set_visible(False)
    return figure


def screening_curve(cells: pd.DataFrame, lines: dict[str, float], title: str) -> Figure:
    """Draw weighted AUPRC with its interval against the frozen fraction, one curve per backbone.

    Args:
        cells: one row per cell: `backbone`, `depth`, `weighted_auprc`, `low`, `high`.
        lines: name and level of what the curves are compared with.
        title: says which task.
    """
    figure, axes = new_figure(6.8, 3.8)
    backbones = list(dict.fromkeys(cells["backbone"]))
    for number, backbone in enumerate(backbones):
        rows = cells[cells["backbone"] == backbone].sort_values("depth")
        shift = 0.006 * (number - (len(backbones) - 1) / 2)  # so that intervals do not hide each other
        axes.errorbar(
            rows["depth"] + shift, rows["weighted_auprc"],
            yerr=[rows["weighted_auprc"] - rows["low"], rows["high"] - rows["weighted_auprc"]],
            color=PALETTE[number % len(PALETTE)], marker=_MARKERS[number % len(_MARKERS)],
            markersize=4, elinewidth=0.8, label=backbone,
        )  # fmt: skip
    for (name, level), style in zip(lines.items(), ("--", ":", "-."), strict=False):
        axes.axhline(level, color=MUTED, linestyle=style, linewidth=1.2, label=f"{name} {level:.3f}")
    axes.set_xticks(sorted(cells["depth"].unique()))
    axes.xaxis.set_major_formatter(lambda depth, _: f"{depth:.0%}")
    axes.set_xlabel("frozen fraction below the probe")
    axes.set_ylabel("weighted AUPRC")
    axes.grid(visible=True, color=GRID)
    axes.set_title(title)
    handles, names = axes.get_legend_handles_labels()
    curves_first = sorted(range(len(names)), key=lambda item: names[item] not in backbones)
    axes.legend(
        [handles[item] for item in curves_first], [names[item] for item in curves_first],
        loc="center left", bbox_to_anchor=(1.0, 0.5),
    )  # fmt: skip
    return figure
