"""Embeddings of the views of all nodules by one backbone at several depths: values and files, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError, MissingInputError
from lungml.files import atomic_file, read_json, sha256_file, write_json
from lungml.terms import View


@dataclass(frozen=True)
class Embeddings:
    """What a frozen backbone makes of the views of nodules.

    `weights` is `random` or `pretrained`; `weights_note` says which ones. `by_depth` maps a share of the
    ordered layer groups to (N, D) float32: what the layers after that share get to see. Rows are as in
    `nodule_ids`.
    """

    backbone: str
    weights: str
    nodule_ids: tuple[str, ...]
    by_depth: Mapping[float, NDArray[np.float32]]
    weights_note: str = ""


def write_embeddings(folder: Path, view: View, embeddings: Embeddings) -> None:
    """Write `<view>.safetensors` (tensors depth_020 ... depth_100) and `<view>.json` into a folder.

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
    path = _tensors(folder, view)
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors))
    about = {
        "backbone": embeddings.backbone,
        "weights": embeddings.weights,
        "weights_note": embeddings.weights_note,
        "nodule_ids": list(embeddings.nodule_ids),
        "sha256": sha256_file(path),
    }
    write_json(_about(folder, view), about)


def read_embeddings(folder: Path, view: View) -> Embeddings:
    """Read what `write_embeddings` wrote.

    Raises:
        MissingInputError: a file is not there.
        InputError: the tensors are not those that were written.
    """
    from safetensors.numpy import load_file

    about, path = read_json(_about(folder, view)), _tensors(folder, view)
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
    )


def _tensor_name(depth: float) -> str:
    return f"depth_{round(depth * 100):03d}"


def _tensors(folder: Path, view: View) -> Path:
    return folder / f"{view.value}.safetensors"


def _about(folder: Path, view: View) -> Path:
    return folder / f"{view.value}.json"
