"""Files of one image."""

import numpy as np
import pytest
from ct_files import AXIAL, SPACING_MM, body_hu
from volume_files import code_of, edit_header, write_picture, write_volume

from lungml.ct.image_files import inspect_image, read_image_file


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.7), None])
def test_a_single_image_says_its_spacing_or_that_it_has_none(tmp_path, spacing_mm):
    hu = body_hu()[0]
    write_picture(tmp_path / "a.nrrd", hu, spacing_mm)

    image = read_image_file(tmp_path, "a.nrrd")

    assert np.array_equal(image.hu, hu)
    assert image.spacing_mm == pytest.approx(spacing_mm or (np.nan, np.nan), nan_ok=True)


def test_a_volume_of_one_slice_is_a_single_image(tmp_path):
    write_volume(tmp_path / "a.nrrd", body_hu()[:1], AXIAL)

    image = read_image_file(tmp_path, "a.nrrd")

    assert np.array_equal(image.hu, body_hu()[0])
    assert image.spacing_mm == SPACING_MM[1:]


def test_an_image_of_three_axes_needs_no_place_in_a_body(tmp_path):
    path = write_volume(tmp_path / "a.nrrd", body_hu()[:1])
    edit_header(path, {"space": None, "space directions": None, "space origin": None})

    image = read_image_file(tmp_path, "a.nrrd")

    assert np.array_equal(image.hu, body_hu()[0])
    assert np.isnan(image.spacing_mm).all()


def test_a_volume_is_no_single_image(tmp_path):
    assert code_of(write_volume(tmp_path / "a.nrrd", body_hu()), read_image_file) == "LM-D062"


def test_a_single_image_without_a_body_is_refused(tmp_path):
    write_picture(tmp_path / "air.nrrd", np.arange(120, dtype=np.int16).reshape(10, 12) - 1060)
    write_picture(tmp_path / "flat.nrrd", np.full((10, 12), 40, np.int16))

    def inspect(raw, path):
        return inspect_image(read_image_file(raw, path), path)

    codes = [code_of(tmp_path / name, inspect) for name in ("air.nrrd", "flat.nrrd")]
    assert codes == ["LM-D025", "LM-D066"]
