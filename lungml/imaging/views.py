"""From a plane of a CT and the nodule's mask in it to the view a model gets to see, still in HU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError
from lungml.imaging.geometry import (
    Frame,
    bounding_box,
    field_of_view,
    pad_and_resize_hu,
    pad_and_resize_mask,
    resample_hu,
    resample_mask,
)
from lungml.params.data import ViewsParams
from lungml.terms import View


@dataclass(frozen=True)
class Plane:
    """An axial plane with one nodule: HU and the readers' consensus mask, both (y, x).

    `spacing_mm` is (y, x); `centre_px` the (y, x) of the nodule's centre, which may lie outside its mask.
    `below_hu` and `above_hu` are other planes of the volume, (y, x); only views of neighbours need them.
    """

    nodule_id: str
    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    spacing_mm: tuple[float, float]
    centre_px: tuple[float, float]
    below_hu: NDArray[np.int16] | None = None
    above_hu: NDArray[np.int16] | None = None


@dataclass(frozen=True)
class Cut:
    """A view: image (C, H, W) in HU, nodule mask (H, W), distance between view pixels.

    Of several channels the middle one is the view itself, to which mask and distance belong.
    """

    image_hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    pixel_spacing_mm: float


def cut_view(plane: Plane, view: View, params: ViewsParams) -> Cut:
    """Cut a view of fixed size in pixels.

    `field-of-view` shows the same width in mm of every patient, air where the plane ends.
    `pad-and-resize` stretches the nodule's bounding box, or the whole slice, to the size. `channels` says
    what stands beside the view (see `ViewsParams`).

    Raises:
        InputError: the nodule's bounding box is asked for, and the plane does not show the nodule.
    """
    if params.geometry == "field-of-view":
        return _fixed_width(plane, view, params)
    return _stretched(plane, view, params)


def crop_plane(
    nodule_id: str,
    hu: NDArray[np.int16],
    spacing_mm: tuple[float, float],
    mask: NDArray[np.bool_] | None = None,
) -> Plane:
    """A ready-made crop as a plane; the nodule's centre is the middle, its mask is empty if not known."""
    rows, columns = hu.shape
    nothing = np.zeros(hu.shape, dtype=np.bool_)
    middle_px = ((rows - 1) / 2, (columns - 1) / 2)
    return Plane(nodule_id, hu, nothing if mask is None else mask, spacing_mm, middle_px)


def cut_crop(crop: Plane, params: ViewsParams) -> Cut:
    """The nodule view of a ready-made crop: a fixed width around its middle; all of it for `pad-and-resize`.

    Raises:
        InputError: neighbouring planes are asked for, and the crop has none.
    """
    return cut_view(crop, View.NODULE if params.geometry == "field-of-view" else View.SLICE, params)


def _fixed_width(plane: Plane, view: View, params: ViewsParams) -> Cut:
    frame = _frame(plane, view, params)
    if params.channels == "scales":
        scales = (1 / params.scale_factor, 1.0, params.scale_factor)
        channels = [resample_hu(plane.hu, _frame(plane, view, params, scale)) for scale in scales]
    else:
        channels = [resample_hu(image_hu, frame) for image_hu in _planes(plane, params)]
    return Cut(
        image_hu=np.stack(channels),
        mask=resample_mask(plane.mask, frame),
        pixel_spacing_mm=frame.step_px[0] * plane.spacing_mm[0],
    )


def _frame(plane: Plane, view: View, params: ViewsParams, scale: float = 1.0) -> Frame:
    if view is View.NODULE:
        width_mm, centre_px = params.nodule_field_of_view_mm, plane.centre_px
    else:
        rows, columns = plane.hu.shape
        width_mm, centre_px = params.slice_field_of_view_mm, ((rows - 1) / 2, (columns - 1) / 2)
    return field_of_view(centre_px, plane.spacing_mm, scale * width_mm, params.size_px)


def _stretched(plane: Plane, view: View, params: ViewsParams) -> Cut:
    box = _nodule_box(plane) if view is View.NODULE else (slice(None), slice(None))
    mask, size_px = plane.mask[box], params.size_px
    pixel_mm = float(np.sqrt(plane.spacing_mm[0] * plane.spacing_mm[1]))
    return Cut(
        image_hu=np.stack([pad_and_resize_hu(image_hu[box], size_px) for image_hu in _planes(plane, params)]),
        mask=pad_and_resize_mask(mask, size_px),
        pixel_spacing_mm=max(mask.shape) / size_px * pixel_mm,
    )


def _planes(plane: Plane, params: ViewsParams) -> list[NDArray[np.int16]]:
    """The planes that become channels."""
    if params.channels != "neighbours":
        return [plane.hu]
    if plane.below_hu is None or plane.above_hu is None:
        raise InputError(
            f"nodule {plane.nodule_id} has no neighbouring planes (its source gives single slices or crops); "
            "set views.channels: single in params.yaml"
        )
    return [plane.below_hu, plane.hu, plane.above_hu]


def _nodule_box(plane: Plane) -> tuple[slice, slice]:
    if not plane.mask.any():
        raise InputError(
            f"the plane chosen does not show nodule {plane.nodule_id}, so it has no bounding box to cut; "
            "set views.plane: largest or views.geometry: field-of-view in params.yaml"
        )
    return bounding_box(plane.mask)
