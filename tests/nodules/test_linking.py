import math

import numpy as np
import pytest
from lidc_files import SQUARE, lidc_xml, nodule, non_nodule, roi, small

from lungml.nodules.lidc_xml import parse_readings
from lungml.nodules.linking import SliceGrid, place_readings

SPACING_MM = (2.5, 0.5, 0.8)


def grid(**changes):
    """Ten slices of 20 x 30 pixels at z = 0, 2.5, ... mm, named sop-0 to sop-9."""
    values = {
        "index_of_sop": {f"sop-{index}": index for index in range(10)},
        "z_mm": np.arange(10) * 2.5,
        "plane_shape": (20, 30),
        "spacing_mm": SPACING_MM,
        "is_axial": True,
        "to_canonical": lambda points: points,
    }
    return SliceGrid(**{**values, **changes})


def place(folder, sessions, **changes):
    (folder / "readings.xml").write_text(lidc_xml(sessions))
    return place_readings(parse_readings(folder, "readings.xml"), grid(**changes))


def test_a_contour_lies_on_the_slice_it_names_whatever_its_z(tmp_path):
    (placed,), findings = place(tmp_path, [[nodule(roi(999, sop_uid="sop-4"))]])

    assert findings == []
    assert placed.outlines[0].z == 4
    assert placed.centre.tolist() == [4, 4, 4]


@pytest.mark.parametrize(("z_mm", "index"), [(10, 4), (11.24, 4), (8.76, 4), (11.26, 5)])
def test_without_a_name_the_nearest_slice_within_half_a_spacing_is_taken(tmp_path, z_mm, index):
    (placed,), _ = place(tmp_path, [[nodule(roi(z_mm))]])

    assert placed.outlines[0].z == index


@pytest.mark.parametrize("z_mm", [-1.3, 24, ""])
def test_a_reading_with_a_contour_on_no_slice_is_set_aside(tmp_path, z_mm):
    placed, (finding,) = place(tmp_path, [[nodule(roi(10), roi(z_mm)), nodule(roi(5))]])

    assert finding.code == "LM-X006"
    assert finding.found == "1 of 2 readings (nodule)"
    assert [each.number for each in placed] == [1]


def test_diameter_is_of_the_circle_with_the_area_of_the_largest_plane(tmp_path):
    wide = [(2, 2), (2, 6), (10, 6), (10, 2)]  # inside: 3 rows of 7 pixels

    (placed,), _ = place(tmp_path, [[nodule(roi(10, SQUARE), roi(12.5, wide))]])

    area_mm2 = 21 * 0.5 * 0.8
    assert placed.diameter_mm == pytest.approx(math.sqrt(4 * area_mm2 / math.pi))


def test_a_hole_is_taken_out(tmp_path):
    hole = [(3, 3), (3, 5), (5, 5), (5, 3)]  # inside: the pixel (4, 4)

    (placed,), _ = place(tmp_path, [[nodule(roi(10), roi(10, hole, inclusion="FALSE"))]])

    assert placed.stack.size == 8


def test_contours_are_turned_with_the_volume(tmp_path):
    def flip(points):
        return np.column_stack([9 - points[:, 0], points[:, 1], 29 - points[:, 2]])

    (placed,), _ = place(tmp_path, [[nodule(roi(10, [(2, 3), (2, 9), (6, 9), (6, 3)]))]], to_canonical=flip)

    assert placed.outlines[0].z == 5
    assert placed.centre.tolist() == [5, 6, 25]


def test_points_keep_their_place_and_have_no_diameter(tmp_path):
    placed, _ = place(tmp_path, [[small(5, 11, 12), non_nodule(7.5, 1, 2)]])

    assert [each.centre.tolist() for each in placed] == [[2, 12, 11], [3, 2, 1]]
    assert all(math.isnan(each.diameter_mm) and each.stack is None for each in placed)


def test_a_stray_point_among_contours_is_left_out(tmp_path):
    (placed,), (finding,) = place(tmp_path, [[nodule(roi(10), roi(12.5, [(4, 4)]))]])

    assert finding.code == "LM-X007"
    assert len(placed.outlines) == 1


def test_a_contour_outside_the_image_is_not_used(tmp_path):
    placed, (finding,) = place(tmp_path, [[nodule(roi(10, [(25, 2), (25, 6), (31, 6)]))]])

    assert finding.code == "LM-X007"
    assert placed == []


def test_an_invalid_rating_is_found_and_its_reading_kept(tmp_path):
    (placed,), (finding,) = place(tmp_path, [[nodule(roi(10), malignancy=7)]])

    assert finding.code == "LM-X004"
    assert "malignancy = 7" in finding.found
    assert placed.reading.ratings["malignancy"] == 0


def test_readings_of_a_series_that_is_not_axial_are_set_aside(tmp_path):
    placed, (finding,) = place(tmp_path, [[nodule(roi(10))]], is_axial=False)

    assert (placed, finding.code) == ([], "LM-X008")


def test_an_outline_too_thin_to_have_an_inside_stands_for_itself(tmp_path):
    (placed,), _ = place(tmp_path, [[nodule(roi(10, [(4, 4), (4, 5), (5, 5), (5, 4)]))]])

    assert placed.stack.size == 4
