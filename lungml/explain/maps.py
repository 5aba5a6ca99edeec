"""Maps of many images by a saved model, with the preprocessing of its predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.bundle import Bundle, check_images
from lungml.explain.gradcam import enlarge, grad_cam
from lungml.explain.road import Road, road
from lungml.explain.sanity import Sample, Sanity, randomisation_check
from lungml.imaging.intensity import normalise
from lungml.params.evaluation import ExplainParams


@dataclass(frozen=True)
class Maps:
    """Maps in the size of the images."""

    values: NDArray[np.float32]
    """(N, H, W), at least 0."""
    cell_px: float
    """Width in pixels of a cell of the feature map: a map shows nothing finer."""


def map_images(
    bundle: Bundle, images_hu: NDArray[np.int16], classes: NDArray[np.int64], params: ExplainParams
) -> Maps:
    """Grad-CAM++ of `classes` (N,) in images (N, C, H, W), N at least 1: the mean of the members' maps.

    Raises:
        ValueError: the images have another shape than the bundle's views.
        ModelError: the backbone has no feature map.
    """
    check_images(bundle, images_hu)
    parts = []
    for start in range(0, len(images_hu), params.batch_size):
        images, chosen = _inputs(bundle, images_hu, classes, slice(start, start + params.batch_size))
        maps = [grad_cam(member.eval(), images, chosen, params.min_cells) for member in bundle.members]
        parts.append(torch.stack(maps).mean(dim=0))
    coarse = torch.cat(parts)
    height, width = images_hu.shape[2:]
    return Maps(enlarge(coarse, (height, width)).numpy(), width / coarse.shape[2])


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
    images, chosen = _inputs(bundle, images_hu, classes, slice(None))
    sample = Sample(images, chosen, torch.from_numpy(np.array(labels, np.int64)))
    member, cells = bundle.members[0].eval(), params.min_cells
    return (
        randomisation_check(member, sample, min_cells=cells, seed=params.seed),
        road(member, sample, min_cells=cells, seed=params.seed),
    )


def _inputs(
    bundle: Bundle, images_hu: NDArray[np.int16], classes: NDArray[np.int64], rows: slice
) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(np.array(images_hu[rows]))
    return normalise(images, bundle.normalisation), torch.from_numpy(np.array(classes[rows]))
