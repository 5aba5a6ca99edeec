"""Rotation, flips, zoom and shift of training images in HU, with air where nothing was measured.

Draws are keyed by (seed, epoch, row, copy) and nothing else, so batch size, order, worker count and a
resumed run change none of them. A whole batch is warped by one `grid_sample`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungml.augment.balance import IntArray
from lungml.imaging.sending import sent_to
from lungml.params.model import GeometryParams
from lungml.terms import AIR_HU

_GEOMETRY_STREAM = 2


@dataclass(frozen=True)
class Geometry:
    """How each of N images is changed; every array is (N,).

    `angle_degrees` counter-clockwise; `zoom` above 1 enlarges; shifts are shares of the image's width and
    height, positive to the right and down; flips act before the rest.
    """

    angle_degrees: NDArray[np.float64]
    zoom: NDArray[np.float64]
    shift_x: NDArray[np.float64]
    shift_y: NDArray[np.float64]
    flip_x: NDArray[np.bool_]
    flip_y: NDArray[np.bool_]

    def part(self, which: slice) -> Geometry:
        """Of some of the images."""
        return Geometry(**{name: values[which] for name, values in vars(self).items()})


def draw_geometry(
    params: GeometryParams, rows: IntArray, copies: IntArray, *, seed: int, epoch: int
) -> Geometry:
    """Draw the change of each example; one example's draw depends on no other's."""
    keys = zip(rows.tolist(), copies.tolist(), strict=True)
    uniform = np.array(
        [_generator(seed, epoch, row, copy).uniform(-1.0, 1.0, 6) for row, copy in keys]
    ).reshape(-1, 6)
    edge = 2 * params.flip_probability - 1
    return Geometry(
        angle_degrees=params.rotation_degrees * uniform[:, 0],
        zoom=1 + params.zoom * uniform[:, 1],
        shift_x=params.shift_fraction * uniform[:, 2],
        shift_y=params.shift_fraction * uniform[:, 3],
        flip_x=uniform[:, 4] < edge,
        flip_y=uniform[:, 5] < edge,
    )


def warp(images_hu: Tensor, geometry: Geometry) -> Tensor:
    """Change images (N, C, H, W): bilinear between their pixels, and air (-1000 HU) outside them.

    Nothing is blended with what was never measured: a place within the image, up to its edge, is made of its
    pixels alone, and one beyond is air. Padding that a view came with is part of the image and does blend: a
    view does not say which of its air was measured, and what lies beyond a scan is air as a rule.

    Returns:
        float32 (N, C, H, W).
    """
    images = images_hu.float()
    grid = _sampling_grid(geometry, images)
    moved = torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    x, y = grid.unbind(dim=-1)
    outside = (x.abs() > 1) | (y.abs() > 1)
    return moved.masked_fill_(outside[:, None], AIR_HU)


def _sampling_grid(geometry: Geometry, images: Tensor) -> Tensor:
    """Where each output pixel looks: (N, H, W, 2), x then y, -1 to 1 between the image's edges.

    Written out by element, for a matrix product may sum differently in batches of different size.
    """
    height, width = images.shape[-2:]
    y = _centres(height, images)[None, :, None]
    x = _centres(width, images)[None, None, :]
    x = x - _column(2 * geometry.shift_x, images)
    y = y - _column(2 * geometry.shift_y, images)
    radians = np.deg2rad(geometry.angle_degrees)
    cosine = _column(np.cos(radians) / geometry.zoom, images)
    sine = _column(np.sin(radians) / geometry.zoom, images)
    aspect = height / width
    sign_x, sign_y = _column(_sign(geometry.flip_x), images), _column(_sign(geometry.flip_y), images)
    grid = images.new_empty(len(images), height, width, 2)
    torch.sub(cosine * x * sign_x, sine * aspect * y * sign_x, out=grid[..., 0])
    torch.add(sine / aspect * x * sign_y, cosine * y * sign_y, out=grid[..., 1])
    return grid


def _centres(size: int, images: Tensor) -> Tensor:
    return (2 * torch.arange(size, device=images.device, dtype=images.dtype) + 1) / size - 1


def _column(values: NDArray[np.float64], images: Tensor) -> Tensor:
    column = torch.as_tensor(values, dtype=images.dtype)
    return sent_to(images.device, column)[:, None, None]


def _sign(flips: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(flips, -1.0, 1.0)


def _generator(seed: int, epoch: int, row: int, copy: int) -> np.random.Generator:
    entropy = np.random.SeedSequence((seed, epoch, _GEOMETRY_STREAM, row, copy))
    return np.random.Generator(np.random.Philox(entropy))
