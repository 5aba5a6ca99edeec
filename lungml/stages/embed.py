"""Stage embed: views -> embeddings of a frozen backbone at every depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.embeddings import Embeddings, write_embeddings
from lungml.files import atomic_folder
from lungml.imaging.intensity import Normalisation, fit_normalisation
from lungml.imaging.store import ViewStore, read_store
from lungml.models.backbones import build_backbone, describe_weights
from lungml.models.depths import embed_batches, normalised_batches
from lungml.params.data import IntensityParams
from lungml.params.model import EmbedParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.progress import say, track
from lungml.tables import SPLIT, read_table
from lungml.terms import Part

_BATCH = 32


def run(
    embed: EmbedParams,
    weights: WeightsParams,
    intensity: IntensityParams,
    scope: ScopeParams,
    *,
    backbone: str,
    views: Path,
    split: Path,
    out: Path,
) -> None:
    """Embed every view in scope of every nodule; the normalisation is fitted on train alone."""
    note = describe_weights(backbone, weights)
    say(f"  weights of {backbone}: {note}")
    parts = read_table(split, SPLIT)
    train = parts.loc[parts["part"] == Part.TRAIN.value, "nodule_id"].tolist()
    with atomic_folder(out) as folder:
        for view in scope.views:
            store = read_store(views / view)
            normalisation = fit_normalisation(store.images_hu[store.rows_of(train)], intensity)
            by_depth = _embed(store, normalisation, embed.depths, backbone, weights)
            nodule_ids = tuple(store.items["nodule_id"])
            found = Embeddings(backbone, weights.source, nodule_ids, by_depth, weights_note=note)
            write_embeddings(folder, view, found)


def _embed(
    store: ViewStore,
    normalisation: Normalisation,
    depths: tuple[float, ...],
    backbone: str,
    weights: WeightsParams,
) -> dict[float, NDArray[np.float32]]:
    in_channels = normalisation.channels(store.images_hu.shape[1])
    network = build_backbone(backbone, in_channels=in_channels, weights=weights)
    batches = normalised_batches(store.images_hu, normalisation, _BATCH)
    total = -(-len(store.images_hu) // _BATCH)
    return embed_batches(network, track(batches, f"{store.info['view']} views, batches", total), depths)
