"""Whether crops show enough around a nodule for a model that was trained on wider ones."""

from __future__ import annotations

from lungml.errors import InputError
from lungml.params.data import ViewsParams
from lungml.sources.unlabelled import UnlabelledCrops

MIN_PIXELS = 16
"""Of a crop, in height and width; the smallest views that `views.size_px` allows are as small."""
MIN_SHARE = 0.5
"""Of the model's field of view that a crop must cover; what it lacks is filled with air. Real crops of 71
pixels of 0.46 mm cover 0.65 of a field of 50 mm."""


def refuse_small(crops: UnlabelledCrops, params: ViewsParams) -> None:
    """Stop where a view would be mostly air, or made of next to no pixels.

    Args:
        crops: of square pixels.
        params: how the model's views are cut; without a field of view in mm only pixels are counted.

    Raises:
        InputError: fewer than `MIN_PIXELS`, or less than `MIN_SHARE` of the field of view.
    """
    height, width = crops.images_hu.shape[1:]
    side_px = min(height, width)
    if side_px < MIN_PIXELS:
        raise InputError(
            f"{crops.archive}: crops of {height} x {width} pixels, expected at least {MIN_PIXELS} x "
            f"{MIN_PIXELS}; cut wider ones around each nodule, in the scan's own pixels"
        )
    if params.geometry != "field-of-view":
        return
    least_mm = MIN_SHARE * params.nodule_field_of_view_mm
    widths_mm = [side_px * each for each in crops.spacing_mm]
    small = [
        f"{name} ({width_mm:.1f} mm)"
        for name, width_mm in zip(crops.nodule_ids, widths_mm, strict=True)
        if width_mm < least_mm
    ]
    if small:
        raise InputError(
            f"{crops.archive}: {len(small)} of {len(crops)} crops are too narrow, first "
            f"{', '.join(small[:_SHOWN])}: expected at least {least_mm:g} mm, half of the "
            f"{params.nodule_field_of_view_mm:g} mm that the model looks at. Cut wider ones than {side_px} "
            "pixels, or correct pixel_spacing_mm"
        )


_SHOWN = 3
