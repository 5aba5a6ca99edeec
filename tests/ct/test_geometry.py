import numpy as np
import pytest
from ct_files import body_hu, edit, set_stored, write_ct
from ct_index import codes, index_folder

from lungml.ct.geometry import geometry_of, in_order
from lungml.ct.read_header import read_header
from lungml.params.data import CtParams


def move(paths, positions):
    for path, position in zip(paths, positions, strict=True):
        edit(path, ImagePositionPatient=[f"{value:.6f}" for value in position])


def uneven(paths, gap_after, gap_mm, usual_mm=2.5):
    steps = [gap_mm if index == gap_after else usual_mm for index in range(len(paths) - 1)]
    move(paths, [(0, 0, z) for z in np.cumsum([0, *steps])])


def geometry(folder, params=None):
    headers = [read_header(folder, path.name) for path in folder.iterdir()]
    return geometry_of(in_order(headers), params or CtParams())


def test_pixel_spacing_is_rows_first(tmp_path):
    for path in write_ct(tmp_path, body_hu()):
        edit(path, PixelSpacing=[0.9, 0.6])

    assert geometry(tmp_path).spacing_mm == (2.5, 0.9, 0.6)


def test_spacing_comes_from_positions_not_from_thickness(tmp_path):
    move(write_ct(tmp_path, body_hu(), SliceThickness="5"), [(0, 0, 1.25 * index) for index in range(6)])

    assert geometry(tmp_path).spacing_mm[0] == 1.25


def test_rounding_of_positions_is_no_gap(tmp_path):
    move(write_ct(tmp_path, body_hu()), [(0, 0, round(0.625 * index, 2)) for index in range(6)])

    assert geometry(tmp_path).gaps == ()


def test_a_missing_slice_in_a_short_series_is_refused(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    paths[2].unlink()

    (finding,) = index_folder(tmp_path).findings

    assert finding.code == "LM-D043"
    assert finding.found == "1 of 4 distances of 5 mm"


def test_one_gap_far_from_nodules_in_a_long_series_is_noted(tmp_path):
    paths = write_ct(tmp_path, body_hu((30, 10, 12)))
    paths[4].unlink()

    rows = index_folder(tmp_path)

    assert {finding.code for finding in rows.findings} == {"LM-D054"}
    assert rows.tables["series"][0]["spacing_z_mm"] == 2.5


def test_a_tilted_gantry_is_refused_by_its_geometry_whatever_the_tag_says(tmp_path):
    paths = write_ct(tmp_path, body_hu(), GantryDetectorTilt="0")
    move(paths, [(0, np.tan(np.radians(0.6)) * 2.5 * index, 2.5 * index) for index in range(6)])

    (finding,) = index_folder(tmp_path).findings

    assert finding.code == "LM-D044"
    assert finding.found == "0.60 degrees"


def test_a_tilt_below_the_tolerance_is_accepted(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    move(paths, [(0, np.tan(np.radians(0.4)) * 2.5 * index, 2.5 * index) for index in range(6)])

    assert codes(tmp_path) == set()


def test_the_same_slice_twice_is_used_once(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(paths[2].read_bytes())
    edit(copy, SOPInstanceUID="1.2.99", InstanceNumber=99)

    rows = index_folder(tmp_path)

    assert {finding.code for finding in rows.findings} == {"LM-D041"}
    assert len(rows.tables["slices"]) == 6


def test_two_images_at_one_position_are_refused(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(paths[2].read_bytes())
    set_stored(copy, np.full((10, 12), 1000, "<i2"))

    assert codes(tmp_path) == {"LM-D042"}


def test_a_stray_image_of_another_orientation_is_left_out(tmp_path):
    paths = write_ct(tmp_path, body_hu((12, 10, 12)))
    stray = tmp_path / "stray.dcm"
    stray.write_bytes(paths[0].read_bytes())
    edit(stray, ImageOrientationPatient=[0, 1, 0, 0, 0, -1], SOPInstanceUID="1.2.98", InstanceNumber=98)

    rows = index_folder(tmp_path)

    assert {finding.code for finding in rows.findings} == {"LM-D046"}
    assert len(rows.tables["slices"]) == 12


@pytest.mark.parametrize("flip", [1, -1])
def test_positions_and_indices_of_slices_agree(tmp_path, flip):
    write_ct(tmp_path, body_hu(), ((0, 1, 2), (flip, 1, 1)))

    slices = index_folder(tmp_path).tables["slices"]

    height = {row["z_index"]: row["position_mm"] for row in slices}
    steps = np.diff([height[z] for z in range(6)])
    assert np.allclose(np.abs(steps), 2.5)
    assert len(set(np.sign(steps))) == 1


def test_gaps_say_between_which_slices_they_are(tmp_path):
    uneven(write_ct(tmp_path, body_hu()), gap_after=3, gap_mm=4)

    (gap,) = geometry(tmp_path, CtParams(max_uneven_share=1)).gaps

    assert (gap.index, gap.distance_mm) == (3, pytest.approx(4))
