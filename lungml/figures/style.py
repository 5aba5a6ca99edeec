"""One look for every figure, and PNG files that are the same byte for byte.

Figures are made without pyplot, so nothing global piles up and no display is needed (Agg). A figure is drawn
twice to the same bytes: the font ships with matplotlib, and no date or software version is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lungml.files import atomic_file

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours told apart with any colour vision: blue (ours, first), vermilion (what it is compared with),
green, purple, orange, sky. Source: Okabe & Ito 2008, jfly.uni-koeln.de/color."""

INK = "#1F2933"
"""Text and lines that must be read."""
MUTED = "#7B8794"
"""What is there for reference: chance lines, axes, notes."""
GRID = "#E4E7EB"
"""Grid lines and empty cells."""

SEQUENTIAL = "cividis"
"""Colour map for quantities: even steps in brightness, the same for any colour vision."""

_DPI = 144
_LOOK: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
}


def new_figure(width_in: float = 6.4, height_in: float = 4.0) -> tuple[Figure, Axes]:
    """Make an empty figure in the house style with one pair of axes; its labels never overlap."""
    figure, axes = new_grid(1, 1, width_in=width_in, height_in=height_in)
    return figure, axes[0, 0]


def new_grid(
    rows: int, columns: int, *, width_in: float = 6.4, height_in: float = 4.0
) -> tuple[Figure, NDArray[Any]]:
    """Make an empty figure in the house style; its axes are a (rows, columns) array."""
    style.use(_LOOK)
    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG, as a whole or not at all; equal figures give equal bytes.

    Raises:
        OutputError: the folder cannot be written.
    """
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})


def class_colours(classes: int) -> list[str]:
    """One colour per class: blue and vermilion for two, dark to bright in even steps for an ordinal scale."""
    if classes == 2:
        return [PALETTE[0], PALETTE[1]]
    steps = mpl.colormaps[SEQUENTIAL](np.linspace(0.0, 0.95, classes))
    return [mpl.colors.to_hex(step) for step in steps]


def hide_frame(axes: Axes) -> None:
    """Take away ticks, grid and spines: for pictures and for maps whose axes mean nothing."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
