"""What the page holds, and the HTML it becomes. Equal inputs give equal bytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from lungml.report.scatter.sprites import Sprites

LISTED = 30
"""Nodules in the list beside the picture."""

_DETECTORS = ("knn", "mahalanobis", "isolation", "image")
_TOP_SHARE = 0.95
"""A few extreme nodules would leave one colour for all others, so the scale of scores ends here."""


@dataclass(frozen=True)
class Colours:
    """Hex colours: `groups` for names, `ramp` for quantities (low to high), `rest` for what has neither."""

    groups: Sequence[str]
    ramp: Sequence[str]
    rest: str


@dataclass(frozen=True)
class ScatterPage:
    """All the page shows.

    `points` has one row per nodule, as the stage scores them: nodule_id, tsne_x, tsne_y, unusual, rank,
    detector, reason, the detectors' scores, score, class, part and manufacturer. `thumbnails` are in that
    order, `first` holds the `LISTED` most unusual by rank.
    """

    title: str
    note: str
    points: pd.DataFrame
    thumbnails: Sprites
    first: Sprites
    colours: Colours


def render(page: ScatterPage) -> str:
    """One HTML file that refers to no other and runs its own script only; all text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("lungml.report.scatter"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "allow_nan": False}
    script = files("lungml.report.scatter").joinpath("templates/scatter.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return environment.get_template("scatter.html.j2").render(
        page=page,
        listed=_listed(page.points),
        data=_data(page),
        script=Markup(script),  # noqa: S704 - our own file
        script_sha256=digest,
    )


def _listed(points: pd.DataFrame) -> list[Mapping[str, Any]]:
    top = points.reset_index(drop=True).nsmallest(LISTED, "rank")
    shown = top[["rank", "nodule_id", "part", "reason"]].assign(point=top.index)
    return [{str(name): value for name, value in row.items()} for row in shown.to_dict("records")]


def _data(page: ScatterPage) -> dict[str, Any]:
    """What the script works on: columns of equal length, one entry per nodule."""
    points = page.points
    return {
        "ids": points["nodule_id"].tolist(),
        "x": _numbers(points["tsne_x"], 2),
        "y": _numbers(points["tsne_y"], 2),
        "rank": points["rank"].tolist(),
        "reason": points["reason"].tolist(),
        "scores": {name: _numbers(points[name], 3) for name in _DETECTORS},
        "colourings": _colourings(points),
        "colours": asdict(page.colours),
        "thumbnails": _layout(page.thumbnails),
        "first": _layout(page.first),
    }


def _colourings(points: pd.DataFrame) -> list[dict[str, Any]]:
    ranks = pd.cut(
        points["rank"], [0, 10, LISTED, np.inf], labels=["1 to 10", f"11 to {LISTED}", "the others"]
    )
    detector = points["detector"].where(points["rank"] <= LISTED, "not among the first")
    top = float(np.nanquantile(points["unusual"], _TOP_SHARE))
    return [
        {
            "name": "Outlier score",
            "values": _numbers(points["unusual"], 2),
            "top": round(top, 2),
            "open": True,
        },
        {"name": "Outlier rank", "values": ranks.astype(str).tolist(), "rest": "the others"},
        {"name": "Detector", "values": detector.tolist(), "rest": "not among the first"},
        {"name": "Readers' score", "values": _numbers(points["score"], 2), "top": 5},
        {"name": "Class", "values": points["class"].tolist(), "rest": "no class"},
        {"name": "Part", "values": points["part"].tolist()},
        {"name": "Scanner", "values": points["manufacturer"].replace("", "not stated").tolist()},
    ]


def _numbers(values: pd.Series, digits: int) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), digits) for value in values]


def _layout(sprites: Sprites) -> dict[str, int]:
    return {"columns": sprites.columns, "rows": sprites.rows}
