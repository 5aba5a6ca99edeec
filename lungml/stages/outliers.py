"""Score how unusual each nodule's view and embedding are, draw them, and suggest what to look at."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lungml.embeddings import Embeddings, read_embeddings
from lungml.errors import InputError, ParamsError
from lungml.exclusions import COLUMNS, excluded_in_words
from lungml.figures.embedding import embedding_figure
from lungml.figures.style import MUTED, PALETTE, class_colours, save
from lungml.files import atomic_folder, read_json, write_text
from lungml.imaging.store import ViewStore, read_store
from lungml.outliers import image_statistics, score_outliers, tsne_coordinates
from lungml.params.model import OutlierParams
from lungml.params.scope import ScopeParams
from lungml.report.scatter import LISTED, Colours, ScatterPage, draw_sprites, render, thumbnail_px
from lungml.tables import NODULES, OUTLIERS, SERIES, SPLIT, read_table, write_table
from lungml.terms import Part, Target

_SHADES = 9
_LARGE_PX = 96
_NO_CLASS = "no class"


def run(
    outliers: OutlierParams,
    scope: ScopeParams,
    *,
    embeddings: Path,
    views: Path,
    split: Path,
    excluded: Path,
    index: Path,
    out: Path,
) -> None:
    """Write `out/<view>.parquet` (table OUTLIERS), `.png` and `.html`, and `suggested.csv`.

    Nothing is excluded here: a person copies lines of `suggested.csv` into `exclusions.csv`.

    Raises:
        ParamsError: `outliers.backbone` has no embeddings.
        InputError: a nodule of the split has no embedding or view, or train is too small.
    """
    folder = embeddings / outliers.backbone
    if not folder.is_dir():
        there = ", ".join(sorted(path.name for path in embeddings.glob("*/")))
        raise ParamsError(
            f"outliers.backbone is {outliers.backbone}, but {embeddings} holds {there or 'nothing'}; "
            "name one of them in params.yaml, or add it to embed.backbones"
        )
    nodules, left_out = _nodules(split, index), excluded_in_words(read_json(excluded))
    suggested = []
    with threadpool_limits(1), atomic_folder(out) as temporary:  # sums depend on their number; small matrices
        for view in scope.views:
            found, store = read_embeddings(folder, view), read_store(views / view)
            rows = store.rows_of(nodules.index.tolist())
            scored = _score(found, _middle(store), rows, nodules, outliers)
            write_table(temporary / f"{view}.parquet", scored[list(OUTLIERS.columns)], OUTLIERS)
            title = f"{view} view, {found.backbone}, weights: {found.weights}"
            save(embedding_figure(scored, title), temporary / f"{view}.png")
            page = _page(f"Outliers: {title}", left_out, scored, _middle(store)[rows])
            write_text(temporary / f"{view}.html", page)
            suggested.append(scored[scored["rank"] <= LISTED].assign(view=view.value))
        write_text(temporary / "suggested.csv", _suggested(pd.concat(suggested)))


def _nodules(split: Path, index: Path) -> pd.DataFrame:
    """Score, class, part, fold and scanner maker of each nodule, by nodule_id."""
    series = read_table(index / "series.parquet", SERIES)[["series_uid", "manufacturer"]]
    nodules = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "series_uid"]]
    makers = nodules.merge(series, on="series_uid", how="left", validate="m:1")
    parts = read_table(split, SPLIT)[["nodule_id", "score", "binary", "part", "fold"]]
    merged = parts.merge(makers, on="nodule_id", how="left", validate="1:1")
    names = dict(enumerate(Target.BINARY.class_names))
    classes = merged["binary"].map(names).fillna(_NO_CLASS)
    return merged.assign(manufacturer=merged["manufacturer"].fillna(""), **{"class": classes}).set_index(
        "nodule_id"
    )


def _middle(store: ViewStore) -> NDArray[np.int16]:
    """(N, H, W): of several neighbouring planes the one in the middle."""
    return store.images_hu[:, store.images_hu.shape[1] // 2]


def _score(
    found: Embeddings,
    images_hu: NDArray[np.int16],
    rows: NDArray[np.int64],
    nodules: pd.DataFrame,
    params: OutlierParams,
) -> pd.DataFrame:
    place = {nodule: row for row, nodule in enumerate(found.nodule_ids)}
    missing = nodules.index.difference(pd.Index(found.nodule_ids))
    if len(missing):
        raise InputError(
            f"{len(missing)} nodules of the split have no {found.backbone} embedding, the first is "
            f"{missing[0]}; run `dvc repro embed`"
        )
    deepest = found.by_depth[max(found.by_depth)][[place[nodule] for nodule in nodules.index]]
    features = deepest.astype("float64")
    train_fold = nodules["fold"].where(nodules["part"] == Part.TRAIN, -1).to_numpy(dtype="int64")
    scores = score_outliers(features, image_statistics(images_hu)[rows], train_fold, params)
    tsne = tsne_coordinates(features, params)
    joined = nodules.join(scores.set_index(nodules.index))
    return joined.assign(tsne_x=tsne[:, 0], tsne_y=tsne[:, 1]).reset_index()


def _page(title: str, note: str, scored: pd.DataFrame, images_hu: NDArray[np.int16]) -> str:
    top = scored.nsmallest(LISTED, "rank").index.to_numpy()
    page = ScatterPage(
        title=title,
        note=note,
        points=scored,
        thumbnails=draw_sprites(images_hu, size_px=thumbnail_px(len(images_hu))),
        first=draw_sprites(images_hu[top], size_px=_LARGE_PX),
        colours=Colours(groups=PALETTE, ramp=class_colours(_SHADES), rest=MUTED),
    )
    return render(page)


def _suggested(top: pd.DataFrame) -> str:
    """Lines as in `exclusions.csv`, most unusual first, each nodule once; who copies one fills it in."""
    ordered = top.sort_values(["rank", "view"], kind="stable").drop_duplicates("nodule_id")
    stream = io.StringIO()
    lines = csv.writer(stream, lineterminator="\n")
    lines.writerow([*COLUMNS, "rank", "view", "part"])
    for row in ordered.to_dict("records"):
        lines.writerow([row["nodule_id"], row["reason"], "", "", row["rank"], row["view"], row["part"]])
    return stream.getvalue()
