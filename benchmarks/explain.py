"""Grad-CAM++ of a set of views: lungml beside plain prediction and beside pytorch-grad-cam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from benchmarks.example_series import example_hu
from benchmarks.result import Result, Value, parser, show
from benchmarks.timing import Contender, times_of
from lungml.explain.gradcam import enlarge, grad_cam
from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.table import BACKBONES
from lungml.params.model import WeightsParams

CLAIM = "Grad-CAM++ of a set of views costs at most a tenth more than predicting it"
COLUMNS = (
    "backbone", "maps from", "prediction, s", "lungml maps, s", "times prediction", "pytorch-grad-cam, s",
    "times faster", "off by",
)  # fmt: skip
_LAYERS = {
    "convnext_tiny": "stages",
    "densenet121": "features",
    "efficientnet_b4": "bn2",
    "mobilenetv2_100": "bn2",
    "resnet10t": "layer4",
    "resnet18": "layer4",
    "convnext_atto": "stages",
    "vit_tiny_patch16": "blocks.11.norm1",
}
"""Backbone -> the layer that pytorch-grad-cam is told to look at."""
_SEED_STUDYS = tuple(BACKBONES)[:4]
_NORMALISATION = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.3,))
_PLAIN, _OURS, _FINER, _LOOP = "prediction", "lungml", "lungml, an earlier stage", "pytorch-grad-cam"


def measure(backbones: Sequence[str], images: int, side: int, batch: int, rounds: int) -> Result:
    """Time a set of normalised images (images, 1, side, side), for each backbone."""
    torch.set_num_threads(1)
    pixels = normalise(torch.from_numpy(example_hu(images, side)[:, None]), _NORMALISATION)
    rows = [row for name in backbones for row in _rows(name, pixels, batch, rounds)]
    note = _NOTE.format(images=images, side=side, batch=batch)
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


_NOTE = (
    "{images} images of {side} x {side} in batches of {batch}, one thread, seconds of the processor, random "
    "weights. pytorch-grad-cam: one image at a time, from the last map, as in most notebooks. An earlier "
    "stage: twice as many cells (token networks have one size). Off by: the largest difference of a map from "
    "pytorch-grad-cam's, both stretched from 0 to 1."
)


def _rows(name: str, pixels: Tensor, batch: int, rounds: int) -> Iterator[tuple[Value, ...]]:
    classifier = _classifier(name)
    classes = torch.arange(len(pixels)) % 2
    last = _maps(classifier, pixels, classes, batch=len(pixels), cells=1)
    finer = 2 * last.shape[2]
    contenders = [
        Contender(_PLAIN, lambda: _predict(classifier, pixels, batch)),
        Contender(_OURS, lambda: _maps(classifier, pixels, classes, batch=batch, cells=1)),
        Contender(_FINER, lambda: _maps(classifier, pixels, classes, batch=batch, cells=finer)),
        Contender(_LOOP, lambda: _loop(classifier, name, pixels, classes)),
    ]
    seconds = {each: found.cpu for each, found in times_of(contenders, rounds).items()}
    off = _difference(last, _loop(classifier, name, pixels, classes))
    for what, words in ((_OURS, "the last map"), (_FINER, "an earlier stage")):
        shown = off if what == _OURS else "-"
        faster = seconds[_LOOP] / seconds[what]
        ratio = seconds[what] / seconds[_PLAIN]
        yield name, words, seconds[_PLAIN], seconds[what], ratio, seconds[_LOOP], faster, shown


def _classifier(name: str) -> Classifier:
    """With random weights, of which every other class has the opposite sign, so that no map is empty."""
    network = build_backbone(name, in_channels=1, weights=WeightsParams(source="random"))
    head = nn.Linear(embedding_size(network), 2)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        head.weight.copy_(torch.randn(head.weight.shape))
    return Classifier(network, head).eval()


def _predict(classifier: Classifier, pixels: Tensor, batch: int) -> Tensor:
    with torch.inference_mode():
        return torch.cat([classifier(part).softmax(dim=1) for part in pixels.split(batch)])


def _maps(classifier: Classifier, pixels: Tensor, classes: Tensor, *, batch: int, cells: int) -> Tensor:
    parts = zip(pixels.split(batch), classes.split(batch), strict=True)
    return torch.cat([grad_cam(classifier, part, chosen, cells) for part, chosen in parts])


def _loop(classifier: Classifier, name: str, pixels: Tensor, classes: Tensor) -> NDArray[np.float32]:
    layer = classifier.backbone.get_submodule(_LAYERS[name])
    with GradCAMPlusPlus(classifier, [layer], _on_the_grid) as cam:
        found = [
            cam(image[None], [ClassifierOutputTarget(chosen)])
            for image, chosen in zip(pixels, classes.tolist(), strict=True)
        ]
    return np.concatenate(found)


def _on_the_grid(features: Tensor) -> Tensor:
    """Tokens (N, T, D) without the class token, as (N, D, h, w)."""
    if features.ndim == 4:
        return features
    side = round((features.shape[1] - 1) ** 0.5)
    return features[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)


def _difference(ours: Tensor, theirs: NDArray[np.float32]) -> float:
    large = enlarge(ours, (theirs.shape[1], theirs.shape[2])).numpy()
    large = large - large.min(axis=(1, 2), keepdims=True)
    highest = np.maximum(large.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
    return float(np.abs(large / highest - theirs).max())


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--backbones", nargs="+", default=list(_SEED_STUDYS), choices=list(_LAYERS))
    arguments.add_argument("--images", type=int, default=32)
    arguments.add_argument("--side", type=int, default=224)
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    show(measure(given.backbones, given.images, given.side, given.batch, given.rounds), given.json)
