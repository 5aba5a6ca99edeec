"""Score how unusual each nodule's embedding is and draw the t-SNE picture, for every view in scope."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from lungml.embeddings import Embeddings, read_embeddings
from lungml.errors import InputError, ParamsError
from lungml.figures.embedding import embedding_figure
from lungml.figures.style import save
from lungml.files import atomic_folder
from lungml.outliers import score_outliers, tsne_coordinates
from lungml.params.model import OutlierParams
from lungml.params.scope import ScopeParams
from lungml.tables import NODULES, OUTLIERS, SERIES, SPLIT, read_table, write_table
from lungml.terms import Part


def run(
    outliers: OutlierParams, scope: ScopeParams, *, embeddings: Path, split: Path, index: Path, out: Path
) -> None:
    """Write `out/<view>.parquet` (table OUTLIERS) and `.png`; nothing is excluded here.

    Raises:
        ParamsError: `outliers.backbone` has no embeddings.
        InputError: a nodule of the split has no embedding, or train is too small.
    """
    folder = embeddings / outliers.backbone
    if not folder.is_dir():
        there = ", ".join(sorted(path.name for path in embeddings.glob("*/")))
        raise ParamsError(
            f"outliers.backbone is {outliers.backbone}, but {embeddings} holds {there or 'nothing'}; "
            "name one of them in params.yaml, or add it to embed.backbones"
        )
    nodules = _nodules(split, index)
    with threadpool_limits(1), atomic_folder(out) as temporary:  # sums depend on their number; small matrices
        for view in scope.views:
            found = read_embeddings(folder, view)
            scored = _score(found, nodules, outliers)
            columns = scored.reset_index()[list(OUTLIERS.columns)]
            write_table(temporary / f"{view}.parquet", columns, OUTLIERS)
            title = f"{view} view, {found.backbone}, weights: {found.weights}"
            save(embedding_figure(scored, title), temporary / f"{view}.png")


def _nodules(split: Path, index: Path) -> pd.DataFrame:
    """Score, part, fold and scanner maker of each nodule, by nodule_id."""
    series = read_table(index / "series.parquet", SERIES)[["series_uid", "manufacturer"]]
    nodules = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "series_uid"]]
    makers = nodules.merge(series, on="series_uid", how="left", validate="m:1")
    parts = read_table(split, SPLIT)[["nodule_id", "score", "part", "fold"]]
    merged = parts.merge(makers, on="nodule_id", how="left", validate="1:1")
    return merged.assign(manufacturer=merged["manufacturer"].fillna("")).set_index("nodule_id")


def _score(found: Embeddings, nodules: pd.DataFrame, params: OutlierParams) -> pd.DataFrame:
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
    scores = score_outliers(features, train_fold, params).set_index(nodules.index)
    tsne = tsne_coordinates(features, params)
    return nodules.join(scores).assign(tsne_x=tsne[:, 0], tsne_y=tsne[:, 1])
