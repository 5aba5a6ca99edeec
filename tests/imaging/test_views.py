from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from lungml.errors import InputError
from lungml.imaging.views import Plane, cut_view
from lungml.params.data import ViewsParams
from lungml.terms import View

FIELD = ViewsParams(size_px=64)
STRETCH = ViewsParams(size_px=64, geometry="pad-and-resize")


def plane(diameter_mm: float = 12.0, spacing_mm: float = 0.7, side_px: int = 400) -> Plane:
    centre_px = (120.0, 250.0)
    y, x = np.indices((side_px, side_px))
    mask = np.hypot(y - centre_px[0], x - centre_px[1]) * spacing_mm <= diameter_mm / 2
    hu = np.where(mask, 50, -850).astype(np.int16)
    return Plane("n1", hu, mask, (spacing_mm, spacing_mm), centre_px)


def test_the_nodule_view_has_the_nodule_in_its_middle():
    cut = cut_view(plane(), View.NODULE, FIELD)

    assert cut.image_hu.shape == (1, 64, 64)
    assert (cut.image_hu[0, 30:34, 30:34] == 50).all()
    assert cut.image_hu[0, 0, 0] == -850
    assert np.argwhere(cut.mask).mean(axis=0) == pytest.approx((31.5, 31.5), abs=0.1)


@pytest.mark.parametrize(("view", "width_mm"), [(View.NODULE, 50.0), (View.SLICE, 360.0)])
@pytest.mark.parametrize("spacing_mm", [0.5, 0.9])
def test_a_view_is_as_wide_in_mm_as_its_field_of_view(view, width_mm, spacing_mm):
    cut = cut_view(plane(spacing_mm=spacing_mm), view, FIELD)

    assert cut.pixel_spacing_mm * 64 == pytest.approx(width_mm)


def test_the_slice_view_shows_the_nodule_where_it_is_in_the_slice():
    cut = cut_view(plane(diameter_mm=24.0), View.SLICE, FIELD)

    from_middle_mm = [(at - 199.5) * 0.7 for at in (120.0, 250.0)]
    expected_px = [mm / (360 / 64) + 31.5 for mm in from_middle_mm]
    assert np.argwhere(cut.mask).mean(axis=0) == pytest.approx(expected_px, abs=0.3)
    assert (cut.image_hu[0, 0] == -1000).all()


def test_a_small_and_a_large_nodule_differ_in_fixed_width_views_and_not_in_stretched_ones():
    def share(diameter_mm, params):
        return cut_view(plane(diameter_mm), View.NODULE, params).mask.mean()

    assert share(24.0, FIELD) / share(6.0, FIELD) == pytest.approx(16, rel=0.1)
    assert share(24.0, STRETCH) / share(6.0, STRETCH) == pytest.approx(1, abs=0.1)


def test_the_stretched_nodule_view_is_the_bounding_box_alone():
    cut = cut_view(plane(), View.NODULE, STRETCH)

    assert cut.mask[:, 31].all()
    assert cut.mask[31, :].all()
    assert cut.pixel_spacing_mm == pytest.approx(17 * 0.7 / 64)


def test_the_stretched_slice_view_is_the_whole_slice():
    cut = cut_view(plane(), View.SLICE, STRETCH)

    assert (cut.image_hu != -1000).all()
    assert cut.pixel_spacing_mm == pytest.approx(400 * 0.7 / 64)


def test_a_nodule_that_is_not_in_the_plane_cannot_be_stretched_and_is_named():
    empty = plane(diameter_mm=-1.0)

    with pytest.raises(InputError, match=r"nodule n1.*views\.plane: largest"):
        cut_view(empty, View.NODULE, STRETCH)
    assert not cut_view(empty, View.NODULE, FIELD).mask.any()


def test_scales_show_the_nodule_narrower_and_wider_beside_the_view():
    params = ViewsParams(size_px=64, channels="scales", scale_factor=2.0)

    cut = cut_view(plane(), View.NODULE, params)

    narrow, middle, wide = ((image > -400).mean() for image in cut.image_hu)
    assert narrow / middle == pytest.approx(4, rel=0.15)
    assert middle / wide == pytest.approx(4, rel=0.15)
    assert np.array_equal(cut.image_hu[1], cut_view(plane(), View.NODULE, FIELD).image_hu[0])
    assert cut.pixel_spacing_mm == pytest.approx(50 / 64)


@pytest.mark.parametrize("geometry", ["field-of-view", "pad-and-resize"])
def test_neighbours_are_the_planes_below_and_above(geometry):
    params = ViewsParams(size_px=64, channels="neighbours", geometry=geometry)
    below, above = np.full((400, 400), -700, np.int16), np.full((400, 400), -300, np.int16)

    cut = cut_view(replace(plane(), below_hu=below, above_hu=above), View.NODULE, params)

    assert cut.image_hu.shape == (3, 64, 64)
    assert (cut.image_hu[0, 30:34, 30:34] == -700).all()
    assert (cut.image_hu[1, 30:34, 30:34] == 50).all()
    assert (cut.image_hu[2, 30:34, 30:34] == -300).all()


def test_a_source_without_neighbouring_planes_is_told():
    with pytest.raises(InputError, match=r"views\.channels: single"):
        cut_view(plane(), View.NODULE, ViewsParams(size_px=64, channels="neighbours"))


def test_scales_of_a_stretched_view_are_refused():
    with pytest.raises(ValidationError, match="needs geometry: field-of-view"):
        ViewsParams(channels="scales", geometry="pad-and-resize")


def test_twice_the_voxel_spacing_is_half_the_nodule_in_pixels_of_the_seeds_slice_view():
    def width_px(spacing_mm):
        shown = cut_view(plane(diameter_mm=60.0, spacing_mm=spacing_mm), View.SLICE, STRETCH)
        return np.ptp(np.argwhere(shown.mask)[:, 1]) + 1

    assert width_px(0.5) / width_px(1.0) == pytest.approx(2, rel=0.1)
