"""A trained model with everything a prediction needs: one folder, `weights.safetensors` and `bundle.json`.

No pickle anywhere. Test-time views, maps, serving and batch prediction all start from `read_bundle`, so they
share the preprocessing of the training.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

import lungml
from lungml import compute
from lungml.errors import InputError, ModelError
from lungml.files import atomic_folder, read_json, sha256_file, sha256_json, write_json
from lungml.imaging.intensity import Normalisation, normalise
from lungml.imaging.sending import sent_to
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.heads import build_head
from lungml.models.memory import by_halves
from lungml.models.placing import placed
from lungml.models.precision import Engine, computing
from lungml.panel import label_probabilities
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.terms import Task
from lungml.usual import Usual, as_arrays, from_arrays

FORMAT = 4
"""Grows when a bundle of an older lungml can no longer be read."""
_WEIGHTS, _INFO = "weights.safetensors", "bundle.json"
_USUAL = "usual."
"""How names of what `Bundle.usual` holds begin among the weights; bundles of older lungml have none."""


@dataclass(frozen=True)
class Member:
    """One network of a bundle and what it is fed; `weights` says what its backbone began with.

    With `panel` (number of readers -> how often) the network says what one reader would, and the member what
    the label policy makes of such panels.
    """

    classifier: Classifier
    backbone: str
    head: str
    weights: str
    normalisation: Normalisation
    panel: Mapping[int, float] | None = None

    def inputs(self, images_hu: NDArray[np.int16], device: str = "cpu") -> Tensor:
        """What the network is fed of views (N, C, H, W) in HU, on a device as torch names it."""
        on_device = sent_to(device, torch.from_numpy(np.array(images_hu)))
        inputs: Tensor = normalise(on_device, self.normalisation)
        return inputs

    def logits(self, images: Tensor) -> Tensor:
        """(N, K) of `inputs`; in parts, where memory does not suffice."""
        return by_halves(lambda part: (self.classifier(part),), (images,))[0]


@dataclass(frozen=True)
class Bundle:
    """One member or several, and what they were made with.

    `members` answer together: the mean of their probabilities. `lineage` holds data_sha256 and split_sha256;
    `history` sums the training up; `versions` are of the libraries. `usual` is what images that the first
    member may answer for look like to its backbone; None where that was not learnt.
    """

    members: tuple[Member, ...]
    task: Task
    image_channels: int
    views: ViewsParams
    labels: LabelParams
    lineage: dict[str, str]
    history: dict[str, Any]
    versions: dict[str, str]
    usual: Usual | None = None

    @property
    def weights(self) -> str:
        """What the backbones began with; its first word is `random` or `pretrained`."""
        return "; ".join(dict.fromkeys(member.weights for member in self.members))

    @property
    def window_hu(self) -> tuple[float, float]:
        """From the lowest to the highest HU that any member tells apart; pictures are drawn in it."""
        windows = [member.normalisation.window_hu for member in self.members]
        return min(low for low, _ in windows), max(high for _, high in windows)


def predict(bundle: Bundle, images_hu: NDArray[np.int16], batch_size: int = 64) -> NDArray[np.float64]:
    """Probabilities (N, K) of views (N, C, H, W) in HU, cut as `bundle.views` says: the members' mean.

    Computed where LUNGML_DEVICE says, in float32.

    Raises:
        ValueError: the images have another shape than the bundle's views.
    """
    check_images(bundle, images_hu)
    answers = [_answers(member, images_hu, bundle, batch_size) for member in bundle.members]
    mean: NDArray[np.float64] = np.mean(answers, axis=0)
    return mean


def _answers(
    member: Member, images_hu: NDArray[np.int16], bundle: Bundle, batch_size: int
) -> NDArray[np.float64]:
    member.classifier.eval()
    parts = [np.empty((0, len(bundle.task.target.class_names)))]
    engine = Engine(compute.device())
    with placed(member.classifier, engine), computing(engine):
        for start in range(0, len(images_hu), batch_size):
            images = member.inputs(images_hu[start : start + batch_size], engine.device)
            parts.append(member.logits(images).cpu().double().softmax(dim=1).numpy())
    answers = np.concatenate(parts)
    return answers if member.panel is None else label_probabilities(answers, member.panel, bundle.labels)


def check_images(bundle: Bundle, images_hu: NDArray[np.int16]) -> None:
    """Refuse images of a shape the bundle was not trained on.

    Raises:
        ValueError: they are not (N, C, H, W) of the bundle's channels and size.
    """
    expected = (bundle.image_channels, bundle.views.size_px, bundle.views.size_px)
    if images_hu.ndim != 4 or images_hu.shape[1:] != expected:
        raise ValueError(f"images have the shape {images_hu.shape}, the model takes (N, {expected})")


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write `bundle` as a whole or not at all; equal bundles give equal bytes."""
    with atomic_folder(folder) as temporary:
        state = {
            f"{number}.{name}": value.cpu().contiguous()
            for number, member in enumerate(bundle.members)
            for name, value in member.classifier.state_dict().items()
        } | _usual_state(bundle.usual)
        save_file(state, temporary / _WEIGHTS)
        info = _describe(bundle) | {"weights_sha256": sha256_file(temporary / _WEIGHTS)}
        write_json(temporary / _INFO, info | {"sha256": sha256_json(info)})


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle back, after checking that it is the one that was written.

    Raises:
        ModelError: a file is missing or changed, or the bundle is of another format.
    """
    info = read_info(folder)
    if not (folder / _WEIGHTS).is_file() or sha256_file(folder / _WEIGHTS) != info["weights_sha256"]:
        raise ModelError(f"{folder / _WEIGHTS} is missing or has changed since it was written; {_AGAIN}")
    task, state = Task(info["task"]), load_file(folder / _WEIGHTS)
    usual = {name: value.numpy() for name, value in _part_of(state, _USUAL).items()}
    return Bundle(
        members=_read_members(info, len(task.target.class_names), state),
        task=task,
        usual=from_arrays(usual) if usual else None,
        views=ViewsParams.model_validate(info["views"]),
        labels=LabelParams.model_validate(info["labels"]),
        **{name: info[name] for name in _PLAIN},
    )


def read_info(folder: Path) -> dict[str, Any]:
    """What `bundle.json` says, checked, without loading the weights.

    Raises:
        ModelError: it is missing or changed, or of another format.
    """
    try:
        info: dict[str, Any] = read_json(folder / _INFO)
    except InputError as error:
        raise ModelError(f"{folder} holds no model: {error}") from error
    if info.get("format") != FORMAT:
        raise ModelError(
            f"{folder} is a bundle of format {info.get('format')}, this lungml reads {FORMAT}; {_AGAIN}"
        )
    sha256 = info.pop("sha256", None)
    if sha256 != sha256_json(info):
        raise ModelError(f"{folder / _INFO} has changed since it was written; {_AGAIN}")
    return info


def bundle_sha256(folder: Path) -> str:
    """One checksum of the whole bundle: `bundle.json` holds that of the weights."""
    return sha256_file(folder / _INFO)


def library_versions() -> dict[str, str]:
    """Versions of what a prediction depends on."""
    libraries = {name: version(name) for name in ("torch", "timm", "safetensors", "numpy")}
    return {"lungml": lungml.__version__, "python": platform.python_version(), **libraries}


_AGAIN = "restore it with `dvc checkout`, or train again with `dvc repro`"
_PLAIN = ("image_channels", "lineage", "history", "versions")
"""Fields of a bundle that are JSON as they are."""
_PLAIN_OF_MEMBER = ("backbone", "head", "weights")


def _describe(bundle: Bundle) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "members": [
            {name: getattr(member, name) for name in _PLAIN_OF_MEMBER}
            | {"normalisation": member.normalisation.to_dict(), "panel": _by_text(member.panel)}
            for member in bundle.members
        ],
        "task": bundle.task.value,
        "classes": list(bundle.task.target.class_names),
        "views": bundle.views.model_dump(mode="json"),
        "labels": bundle.labels.model_dump(mode="json"),
        **{name: getattr(bundle, name) for name in _PLAIN},
    }


def _usual_state(usual: Usual | None) -> dict[str, Tensor]:
    arrays = {} if usual is None else as_arrays(usual)
    return {f"{_USUAL}{name}": torch.from_numpy(np.array(each, order="C")) for name, each in arrays.items()}


def _read_members(info: dict[str, Any], classes: int, state: dict[str, Tensor]) -> tuple[Member, ...]:
    return tuple(
        _read_member(described, info["image_channels"], classes, _part_of(state, f"{number}."))
        for number, described in enumerate(info["members"])
    )


def _part_of(state: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}


def _read_member(
    described: dict[str, Any], image_channels: int, classes: int, state: dict[str, Tensor]
) -> Member:
    normalisation = Normalisation.from_dict(described["normalisation"])
    backbone = build_backbone(
        described["backbone"],
        in_channels=normalisation.channels(image_channels),
        weights=WeightsParams(source="random"),
    )
    classifier = Classifier(backbone, build_head(described["head"], embedding_size(backbone), classes))
    classifier.load_state_dict(state)
    own = {name: described[name] for name in _PLAIN_OF_MEMBER}
    panel = described["panel"] and {int(size): share for size, share in described["panel"].items()}
    return Member(classifier.eval(), normalisation=normalisation, panel=panel, **own)


def _by_text(panel: Mapping[int, float] | None) -> dict[str, float] | None:
    return None if panel is None else {str(size): share for size, share in panel.items()}
