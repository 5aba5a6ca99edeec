from __future__ import annotations

import numpy as np
import pytest

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
