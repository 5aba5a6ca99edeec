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
    """

    nodule_id: str
    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    spacing_mm: tuple[float, float]
    centre_px: tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """A view: image (C, H, W) in HU, nodule mask (H, W), distance between view pixels."""

    image_hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    pixel_spacing_mm: float


def cut_view(plane: Plane, view: View, params: ViewsParams) -> Cut:
    """Cut a view of fixed size in pixels.

    `field-of-view` shows the same width in mm of every patient, air where the plane ends.
    `pad-and-resize` stretches the nodule's bounding box, or the whole slice, to the size.

    Raises:
        InputError: the nodule's bounding box is asked for, and the plane does not show the nodule.
    """
    if params.geometry == "field-of-view":
        return _fixed_width(plane, _frame(plane, view, params))
    return _stretched(plane, view, params.size_px)


def _frame(plane: Plane, view: View, params: ViewsParams) -> Frame:
    if view is View.NODULE:
        return field_of_view(
            plane.centre_px, plane.spacing_mm, params.nodule_field_of_view_mm, params.size_px
        )
    rows, columns = plane.hu.shape
    middle_px = ((rows - 1) / 2, (columns - 1) / 2)
    return field_of_view(middle_px, plane.spacing_mm, params.slice_field_of_view_mm, params.size_px)


def _fixed_width(plane: Plane, frame: Frame) -> Cut:
    return Cut(
        image_hu=resample_hu(plane.hu, frame)[None],
        mask=resample_mask(plane.mask, frame),
        pixel_spacing_mm=frame.step_px[0] * plane.spacing_mm[0],
    )


def _stretched(plane: Plane, view: View, size_px: int) -> Cut:
    box = _nodule_box(plane) if view is View.NODULE else (slice(None), slice(None))
    image_hu, mask = plane.hu[box], plane.mask[box]
    pixel_mm = float(np.sqrt(plane.spacing_mm[0] * plane.spacing_mm[1]))
    return Cut(
        image_hu=pad_and_resize_hu(image_hu, size_px)[None],
        mask=pad_and_resize_mask(mask, size_px),
        pixel_spacing_mm=max(image_hu.shape) / size_px * pixel_mm,
    )


def _nodule_box(plane: Plane) -> tuple[slice, slice]:
    if not plane.mask.any():
        raise InputError(
            f"the plane chosen does not show nodule {plane.nodule_id}, so it has no bounding box to cut; "
            "set views.plane: largest or views.geometry: field-of-view in params.yaml"
        )
    return bounding_box(plane.mask)
