"""Crops that show too little of a nodule's surroundings are not predicted."""

from pathlib import Path

import numpy as np
import pytest
from shared_data import SHARED_DATA, needs_shared_data

from lungml.errors import InputError
from lungml.params.data import ViewsParams
from lungml.sources.crop_sizes import refuse_small
from lungml.sources.unlabelled import UnlabelledCrops, read_unlabelled

FIELD_OF_50 = ViewsParams(nodule_field_of_view_mm=50.0)


def crops(shape_px, *spacing_mm):
    """Crops a, b, ... of lung."""
    names = tuple("abc"[: len(spacing_mm)])
    images_hu = np.full((len(names), *shape_px), -850, np.int16)
    return UnlabelledCrops(Path("crops.npz"), 0, names, images_hu, spacing_mm)


@pytest.mark.parametrize("spacing_mm", [0.46, 0.7, 0.98])
@pytest.mark.parametrize("field_of_view_mm", [45.0, 50.0])
def test_71_pixels_of_any_usual_scan_are_enough(spacing_mm, field_of_view_mm):
    refuse_small(crops((71, 71), spacing_mm), ViewsParams(nodule_field_of_view_mm=field_of_view_mm))


@needs_shared_data
def test_every_public_crop_is_enough():
    folder = SHARED_DATA / "lidc_crops"

    refuse_small(read_unlabelled(folder / "nodules_hu.npz", folder / "nodules.csv"), FIELD_OF_50)


def test_half_of_the_field_of_view_is_just_enough():
    refuse_small(crops((50, 60), 0.5), FIELD_OF_50)

    with pytest.raises(InputError, match=r"1 of 2 crops .*, first b \(24\.5 mm\): expected at least 25 mm"):
        refuse_small(crops((49, 60), 0.6, 0.5), FIELD_OF_50)


@pytest.mark.parametrize("shape_px", [(1, 1), (3, 3), (15, 71)])
def test_few_pixels_are_refused_however_far_apart_they_are(shape_px):
    with pytest.raises(InputError, match=f"of {shape_px[0]} x {shape_px[1]} pixels, expected at least 16"):
        refuse_small(crops(shape_px, 10.0), FIELD_OF_50)


def test_a_view_without_a_width_in_mm_needs_only_pixels():
    refuse_small(crops((16, 16), 0.1), ViewsParams(geometry="pad-and-resize"))
