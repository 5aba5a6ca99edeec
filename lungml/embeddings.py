"""Embeddings of the views of all nodules by one backbone at several depths: values and files, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError, MissingInputError
from lungml.files import atomic_file, read_json, sha256_file, write_json
from lungml.terms import View


@dataclass(frozen=True)
class Embeddings:
    """What a frozen backbone makes of the views of nodules.

    `weights` is `random` or `pretrained`; `weights_note` says which ones, `weights_sha256` is of their file
    ("" for random). `by_depth` maps a share of the ordered layer groups to (N, D) float32: what the layers
    after that share get to see. Rows are as in `nodule_ids`. `precision` and `library` (torch or openvino)
    are what it was computed with; equal `content_key`, if not "", means equal embeddings.
    """

    backbone: str
    weights: str
    nodule_ids: tuple[str, ...]
    by_depth: Mapping[float, NDArray[np.float32]]
    weights_note: str = ""
    weights_sha256: str = ""
    precision: str = "float32"
    library: str = "torch"
    content_key: str = ""
    neighbours_kept: Mapping[float, float] = field(default_factory=dict)
    """Depth -> see `neighbours_kept`; empty where it was not looked at."""


def write_embeddings(folder: Path, view: View, embeddings: Embeddings, *, twin: bool = False) -> None:
    """Write `<view>.safetensors` (tensors depth_020 ... depth_100) and `<view>.json` into a folder.

    The files of a twin, the same backbone with random weights, are `twin-<view>.safetensors` and `.json`.

    Raises:
        ValueError: a depth has not one row per nodule, or a value is not finite.
    """
    from safetensors.numpy import save

    for depth, vectors in embeddings.by_depth.items():
        if len(vectors) != len(embeddings.nodule_ids) or not np.isfinite(vectors).all():
            raise ValueError(f"{embeddings.backbone} at depth {depth}: rows are missing or values not finite")
    tensors = {
        _tensor_name(depth): np.ascontiguousarray(vectors, np.float32)
        for depth, vectors in embeddings.by_depth.items()
    }
    path = _tensors(folder, view, twin)
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors))
    about = {
        "backbone": embeddings.backbone,
        "weights": embeddings.weights,
        "weights_note": embeddings.weights_note,
        "weights_sha256": embeddings.weights_sha256,
        "precision": embeddings.precision,
        "library": embeddings.library,
        "content_key": embeddings.content_key,
        "neighbours_kept": {f"{depth:g}": kept for depth, kept in embeddings.neighbours_kept.items()},
        "nodule_ids": list(embeddings.nodule_ids),
        "sha256": sha256_file(path),
    }
    write_json(_about(folder, view, twin), about)


def has_twin(folder: Path, view: View) -> bool:
    """Whether a folder also holds the embeddings by random weights."""
    return _about(folder, view, True).is_file()


def read_embeddings(folder: Path, view: View, *, twin: bool = False) -> Embeddings:
    """Read what `write_embeddings` wrote; `twin` asks for the embeddings by random weights.

    Raises:
        MissingInputError: a file is not there.
        InputError: the tensors are not those that were written.
    """
    from safetensors.numpy import load_file

    about, path = read_json(_about(folder, view, twin)), _tensors(folder, view, twin)
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; run the stage embed (`dvc repro`)")
    if sha256_file(path) != about["sha256"]:
        raise InputError(f"{path} has changed since it was written; delete {folder} and run `dvc repro`")
    tensors = load_file(path)
    return Embeddings(
        backbone=about["backbone"],
        weights=about["weights"],
        nodule_ids=tuple(about["nodule_ids"]),
        by_depth={int(name.removeprefix("depth_")) / 100: tensors[name] for name in sorted(tensors)},
        weights_note=about["weights_note"],
        weights_sha256=about["weights_sha256"],
        precision=about["precision"],
        library=about.get("library", "torch"),
        content_key=about["content_key"],
        neighbours_kept={float(depth): kept for depth, kept in about["neighbours_kept"].items()},
    )


def kept_embeddings(folder: Path, view: View, content_key: str, *, twin: bool = False) -> Embeddings | None:
    """What was written for this content; None if it was of other content, has changed or is not there."""
    try:
        found = read_embeddings(folder, view, twin=twin)
    except InputError:
        return None
    return found if found.content_key == content_key else None


def neighbours_kept(
    vectors: NDArray[np.float32], rows: NDArray[np.intp], changed: NDArray[np.float32], neighbours: int = 10
) -> float:
    """Which share of a nodule's nearest neighbours stays, on average, when its image is slightly changed.

    Args:
        vectors: (N, D), of all nodules.
        rows: (S,) of some of them.
        changed: (S, D), the same nodules with changed images.
        neighbours: how many of the nearest others are compared, by Euclidean distance with every component
            scaled to unit deviation.

    Returns:
        0 to 1; by pure chance about `neighbours` / N.
    """
    mean, deviation = vectors.mean(axis=0, dtype=np.float64), vectors.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, deviation, 1.0)
    everyone, after = (vectors - mean) / scale, (changed - mean) / scale
    count = min(neighbours, len(vectors) - 1)
    before, now = (_nearest(everyone, rows, each, count) for each in (everyone[rows], after))
    kept = [len(np.intersect1d(old, new)) for old, new in zip(before, now, strict=True)]
    return float(np.mean(kept) / count)


def _nearest(
    everyone: NDArray[np.float64], rows: NDArray[np.intp], seen: NDArray[np.float64], count: int
) -> NDArray[np.intp]:
    """(S, count): the nearest of `everyone` but the nodule itself."""
    squared = (everyone**2).sum(axis=1) - 2 * seen @ everyone.T
    squared[np.arange(len(rows)), rows] = np.inf
    return np.argsort(squared, axis=1, kind="stable")[:, :count]


def _tensor_name(depth: float) -> str:
    return f"depth_{round(depth * 100):03d}"


def _tensors(folder: Path, view: View, twin: bool) -> Path:
    return folder / f"{_stem(view, twin)}.safetensors"


def _about(folder: Path, view: View, twin: bool) -> Path:
    return folder / f"{_stem(view, twin)}.json"


def _stem(view: View, twin: bool) -> str:
    return f"twin-{view.value}" if twin else view.value
