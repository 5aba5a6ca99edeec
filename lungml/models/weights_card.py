"""The card beside weights that were made here: of which images, how, and what the network expects.

`<backbone>.json` lies beside `<backbone>.safetensors`; weights somebody else published have none. The card is
what their SHA-256 is checked against, so `weights.lock.json` does not hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lungml.errors import ModelError
from lungml.files import read_json, write_json
from lungml.imaging.intensity import Normalisation
from lungml.models.weights import local_weights_file
from lungml.params.model import WeightsParams


@dataclass(frozen=True)
class WeightsCard:
    """How weights were made, and all that using them needs.

    `pixels` are `low`, `high`, `mean` and `std` of what the network was fed; `images_sha256` is of the bytes
    of the images it was trained on. `read` says how many nodules of each part were read.
    """

    backbone: str
    method: str
    start: str
    view: str
    images: int
    patients: int
    epochs: int
    in_channels: int
    normalisation: Normalisation
    pixels: Mapping[str, float]
    images_sha256: str
    weights_sha256: str
    lineage: Mapping[str, str]
    read: Mapping[str, Any]
    params: Mapping[str, Any]
    versions: Mapping[str, str]

    def __str__(self) -> str:
        return (
            f"{self.method} on {self.images} {self.view} views of {self.patients} patients of the train "
            f"part, {self.epochs} epochs, begun from {self.start}; images {self.images_sha256[:12]}, "
            f"weights {self.weights_sha256[:12]}"
        )


def write_card(weights: Path, card: WeightsCard) -> None:
    """Write the card of the file `weights` beside it."""
    write_json(_beside(weights), asdict(card) | {"normalisation": card.normalisation.to_dict()})


def read_card(weights: Path) -> WeightsCard | None:
    """The card of a file of weights; None if it was not made here.

    Raises:
        ModelError: what lies beside the file is no card, or one of another version.
    """
    path = _beside(weights)
    if not path.is_file():
        return None
    found = read_json(path)
    expected = {field.name for field in fields(WeightsCard)}
    if not isinstance(found, dict) or set(found) != expected:
        raise ModelError(
            f"{path} is not the card of {weights.name} that the stage pretrain writes; "
            "remove it if the weights are somebody else's, else run `dvc repro -f pretrain`"
        )
    return WeightsCard(**found | {"normalisation": Normalisation.from_dict(found["normalisation"])})


def own_card(name: str, timm_name: str, weights: WeightsParams) -> WeightsCard | None:
    """The card of what `weights` means for backbone `name`; None if these weights were not made here."""
    if weights.source == "random" or weights.folder is None:
        return None
    path = local_weights_file(name, timm_name, weights.folder)
    return read_card(path) if path else None


def _beside(weights: Path) -> Path:
    return weights.with_name(f"{weights.name.removesuffix('.safetensors')}.json")
