"""Maps of many images by a saved model, with the preprocessing of its predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.bundle import Bundle, Member, check_images
from lungml.explain.gradcam import enlarge, grad_cam, into_centre
from lungml.explain.road import Road, road
from lungml.explain.sanity import Sample, Sanity, randomisation_check
from lungml.params.evaluation import ExplainParams


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


def check_maps(
    bundle: Bundle,
    images_hu: NDArray[np.int16],
    *,
    classes: NDArray[np.int64],
    labels: NDArray[np.int64],
    params: ExplainParams,
) -> tuple[Sanity, Road]:
    """Run the checks on all these images (N, C, H, W), with the first member.

    Args:
        bundle: the model.
        images_hu: of N different patients.
        classes: (N,), what the maps explain.
        labels: (N,), the true classes.
        params: see `ExplainParams`.
    """
    member, cells = bundle.members[0], params.min_cells
    known = torch.from_numpy(np.array(labels, np.int64))
    sample = Sample(member.inputs(images_hu), torch.from_numpy(np.array(classes)), known)
    classifier = member.classifier.eval()
    return (
        randomisation_check(classifier, sample, min_cells=cells, seed=params.seed),
        road(classifier, sample, min_cells=cells, seed=params.seed),
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
