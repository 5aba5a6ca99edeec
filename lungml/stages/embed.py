"""Stage embed: views -> embeddings of a frozen backbone at every depth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml import compute
from lungml.augment.slight import slightly_changed
from lungml.embeddings import Embeddings, kept_embeddings, neighbours_kept, write_embeddings
from lungml.files import atomic_folder, sha256_file, sha256_json
from lungml.imaging.intensity import Normalisation, fit_normalisation
from lungml.imaging.store import ViewStore, read_store
from lungml.models.backbones import build_backbone, describe_weights, weights_sha256
from lungml.models.compiled import is_worth_compiling
from lungml.models.depths import normalised_batches
from lungml.models.embedder import Embedder, agreeing
from lungml.models.expected_input import as_expected, check_pixels
from lungml.models.precision import Engine, choose_engine, is_accelerated
from lungml.models.table import find_backbone
from lungml.models.weights_card import own_card
from lungml.models.weights_lock import LOCK, known_sha256
from lungml.params.data import IntensityParams
from lungml.params.model import EmbedParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.progress import say, track
from lungml.tables import SPLIT, read_table
from lungml.terms import Part, View

_BATCH = 32
_LOOKED_AT = 64
"""Nodules whose neighbours are compared before and after a slight change."""
_FORWARD_CODE = (
    "augment/slight.py",
    "imaging/intensity.py",
    "models/backbones.py",
    "models/compiled.py",
    "models/depths.py",
    "models/embedder.py",
    "models/freezing.py",
    "models/precision.py",
)
"""Where embeddings are made: if one of these changes, what was kept is not used again."""


@dataclass(frozen=True)
class _Job:
    """One view of all nodules, and how one backbone is to see it."""

    backbone: str
    view: View
    store: ViewStore
    normalisation: Normalisation
    embed: EmbedParams
    engine: Engine

    @property
    def compiled(self) -> bool:
        """Whether the network is to be compiled for these images."""
        return is_worth_compiling(self.embed.library, self.engine.device, len(self.store.images_hu))

    def batches(self) -> Iterator[Tensor]:
        return normalised_batches(self.store.images_hu, self.normalisation, _BATCH)


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
    """Embed every view in scope of every nodule; the normalisation is fitted on train alone.

    Embeddings that were made before of the same content (weights, views, normalisation, precision, libraries,
    code) are taken from the folder `embeddings-cache` beside `out`'s parent, which may always be deleted.
    """
    engine = choose_engine(compute.device(), embed.precision)
    _say_what_is_used(backbone, weights, engine)
    parts = read_table(split, SPLIT)
    train = parts.loc[parts["part"] == Part.TRAIN.value, "nodule_id"].tolist()
    with atomic_folder(out) as folder:
        for view in scope.views:
            store = read_store(views / view)
            fitted = fit_normalisation(store.images_hu[store.rows_of(train)], intensity)
            seen = as_expected(fitted, backbone, weights)
            job = _Job(backbone, view, store, seen, embed, engine)
            check_pixels(job.batches(), seen, backbone, weights)
            for twin, drawn in _with_twin(embed, weights):
                found = _kept_or_new(job, drawn, _kept_beside(out), twin=twin)
                write_embeddings(folder, view, found, twin=twin)


def _say_what_is_used(backbone: str, weights: WeightsParams, engine: Engine) -> None:
    say(f"  weights of {backbone}: {describe_weights(backbone, weights)}; on {engine.device}")
    row = find_backbone(backbone)
    made_here = own_card(backbone, row.timm_name, weights)
    if weights.source == "pretrained" and not made_here and not known_sha256(row):
        say(f"  no SHA-256 of them is known: `lungml weights fetch {backbone}` keeps theirs in {LOCK}")
    if not is_accelerated(engine):
        say(f"  this processor has no {engine.precision} instructions: it will be no faster than float32")


def _with_twin(embed: EmbedParams, weights: WeightsParams) -> Iterator[tuple[bool, WeightsParams]]:
    """(whether it is the twin, weights) of each network to embed with."""
    yield False, weights
    if embed.twins and weights.source == "pretrained":
        yield True, WeightsParams(source="random", seed=weights.seed)


def _kept_beside(out: Path) -> Path:
    folder = out.absolute().parent
    return folder.with_name(f"{folder.name}-cache") / out.name


def _kept_or_new(job: _Job, weights: WeightsParams, cache: Path, *, twin: bool) -> Embeddings:
    """The last embeddings of this kind if they are of the same content, else new ones, which are kept."""
    sha256 = weights_sha256(job.backbone, weights)
    key = _content_key(job, sha256 or f"seed {weights.seed}")
    kept = kept_embeddings(cache, job.view, key, twin=twin)
    if kept is not None:
        say(f"  {job.view} views: nothing they depend on has changed, embeddings are taken from {cache}")
        return kept
    found = _embed(job, weights, sha256, key)
    write_embeddings(cache, job.view, found, twin=twin)
    return found


def _content_key(job: _Job, weights: str) -> str:
    row = {name: value for name, value in asdict(find_backbone(job.backbone)).items() if name != "sha256"}
    code = [sha256_file(Path(compute.__file__).parent / name) for name in _FORWARD_CODE]
    libraries = [version(name) for name in ("torch", "timm", *(["openvino"] if job.compiled else []))]
    asked = [job.embed.depths, job.embed.precision, job.embed.tolerance, torch.device(job.engine.device).type]
    return sha256_json(
        [row, weights, job.store.info["sha256"], job.normalisation.to_dict(), asked, code, libraries]
    )


def _embed(job: _Job, weights: WeightsParams, sha256: str, key: str) -> Embeddings:
    in_channels = job.normalisation.channels(job.store.images_hu.shape[1])
    network = build_backbone(job.backbone, in_channels=in_channels, weights=weights)
    embedder = _agreeing(Embedder(network, job.embed.depths, job.engine, job.compiled), job)
    total = -(-len(job.store.images_hu) // _BATCH)
    batches = track(job.batches(), f"{job.view} views, batches", total)
    by_depth = embedder.embed(batches)
    return Embeddings(
        backbone=job.backbone,
        weights=weights.source,
        nodule_ids=tuple(job.store.items["nodule_id"]),
        by_depth=by_depth,
        weights_note=describe_weights(job.backbone, weights),
        weights_sha256=sha256,
        precision=embedder.engine.precision,
        library=embedder.library,
        content_key=key,
        neighbours_kept=_neighbours_kept(embedder, job, by_depth),
    )


def _neighbours_kept(
    embedder: Embedder, job: _Job, by_depth: Mapping[float, NDArray[np.float32]]
) -> dict[float, float]:
    """At every depth, for some nodules spread evenly over the store."""
    total = len(job.store.images_hu)
    rows = np.unique(np.linspace(0, total - 1, min(_LOOKED_AT, total)).astype(np.intp))
    changed_hu = slightly_changed(job.store.images_hu[rows], seed=0)
    changed = embedder.embed(normalised_batches(changed_hu, job.normalisation, _BATCH))
    return {depth: neighbours_kept(vectors, rows, changed[depth]) for depth, vectors in by_depth.items()}


def _agreeing(wished: Embedder, job: _Job) -> Embedder:
    tolerance = job.embed.tolerance
    embedder, off = agreeing(wished, next(job.batches()), tolerance)
    if embedder != wished:
        would = f"{wished.way} would change embeddings of {job.backbone} by up to {off:.1%}, more than "
        would += f"embed.tolerance ({tolerance:.1%})"
        why = would if math.isfinite(off) else f"OpenVINO cannot convert {job.backbone}"
        say(f"  {why}: {job.view} views are embedded with {embedder.way}")
    return embedder
