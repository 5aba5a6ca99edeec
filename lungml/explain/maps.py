"""Maps of many images by a saved model, with the preprocessing of its predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.bundle import Bundle, Member, check_images
from lungml.explain.gradcam import enlarge, grad_cam, into_centre
from lungml.explain.sanity import Sanity, randomisation_check
from lungml.params.evaluation import ExplainParams

_CHECKED = 32
"""Images of the randomisation check."""


@dataclass(frozen=True)
class Maps:
    """Maps in the size of the images."""

    values: NDArray[np.float32]
    """(N, H, W), at least 0."""
    cell_px: float
    """Width in pixels of a cell of the feature map, the widest of all members: a map shows nothing finer."""


def map_images(
    bundle: Bundle, images_hu: NDArray[np.int16], classes: NDArray[np.int64], params: ExplainParams
) -> Maps:
    """Grad-CAM++ of `classes` (N,) in images (N, C, H, W), N at least 1.

    Of several members it is the mean of their maps, each with the sum 1 (or empty): how large the values of a
    map are says nothing across networks.

    Raises:
        ValueError: the images have another shape than the bundle's views.
        ModelError: a backbone has no feature map.
    """
    check_images(bundle, images_hu)
    height, width = images_hu.shape[2:]
    values, cell_px = np.zeros((len(images_hu), height, width), np.float32), 0.0
    for member in bundle.members:
        maps = _map_by_member(member, images_hu, classes, params)
        values += maps.values / len(bundle.members)
        cell_px = max(cell_px, maps.cell_px)
    return Maps(values, cell_px)


def check_sanity(
    bundle: Bundle, images_hu: NDArray[np.int16], classes: NDArray[np.int64], params: ExplainParams
) -> Sanity:
    """Run the weight-randomisation check on the first images, with the first member."""
    member = bundle.members[0]
    images, chosen = member.inputs(images_hu[:_CHECKED]), torch.from_numpy(np.array(classes[:_CHECKED]))
    return randomisation_check(
        member.classifier.eval(), images, chosen, min_cells=params.min_cells, seed=params.seed
    )


def _map_by_member(
    member: Member, images_hu: NDArray[np.int16], classes: NDArray[np.int64], params: ExplainParams
) -> Maps:
    """Each map has the sum 1, or is empty."""
    classifier, parts = member.classifier.eval(), []
    for start in range(0, len(images_hu), params.batch_size):
        rows = slice(start, start + params.batch_size)
        chosen = torch.from_numpy(np.array(classes[rows]))
        parts.append(grad_cam(classifier, member.inputs(images_hu[rows]), chosen, params.min_cells))
    coarse, share = torch.cat(parts), member.normalisation.centre_share
    height, width = images_hu.shape[2:]
    whole = into_centre(enlarge(coarse, (height, width)), share)
    return Maps(_with_sum_1(whole).numpy(), share * width / coarse.shape[2])


def _with_sum_1(maps: Tensor) -> Tensor:
    sums = maps.sum(dim=(1, 2), keepdim=True)
    return torch.where(sums > 0, maps / sums, maps)
