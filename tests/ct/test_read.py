import numpy as np
import pytest
from ct_files import AXIAL, ORIENTATIONS, ORIGIN_MM, SPACING_MM, body_hu, edit, write_ct
from ct_index import slices_of

from lungml.ct.read import read_planes, read_volume
from lungml.errors import InputError
from lungml.params.data import CtParams


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_every_way_to_store_a_body_gives_the_same_volume(tmp_path, orientation):
    hu = body_hu()
    write_ct(tmp_path, hu, orientation)

    volume = read_volume(tmp_path, slices_of(tmp_path))

    assert np.array_equal(volume.hu, hu)
    assert volume.spacing_mm == SPACING_MM
    assert np.allclose(volume.origin_mm, ORIGIN_MM, atol=1e-9)
    assert np.array_equal(volume.direction, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5], ids=str)
def test_planes_are_those_of_the_volume(tmp_path, orientation):
    write_ct(tmp_path, body_hu(), orientation)
    slices = slices_of(tmp_path)

    hu, padding = read_planes(tmp_path, slices, [4, 0, 4])

    volume = read_volume(tmp_path, slices)
    assert np.array_equal(hu, volume.hu[[4, 0, 4]])
    assert np.array_equal(padding, volume.padding[[4, 0, 4]])


def test_planes_of_an_axial_series_open_only_their_files(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    slices = slices_of(tmp_path).sort_values("z_index")
    needed = {0, 3}  # the first row is asked for the orientation
    for z, path in enumerate(paths):
        if z not in needed:
            path.unlink()

    hu, _ = read_planes(tmp_path, slices, [3])

    assert np.array_equal(hu[0], body_hu()[3])


def test_a_plane_that_is_not_there_is_named(tmp_path):
    write_ct(tmp_path, body_hu())

    with pytest.raises(InputError, match=r"no planes \[6\]; it has 0 to 5"):
        read_planes(tmp_path, slices_of(tmp_path), [2, 6])


def test_the_order_of_rows_does_not_matter(tmp_path):
    write_ct(tmp_path, body_hu())
    slices = slices_of(tmp_path)

    shuffled = read_volume(tmp_path, slices.sample(frac=1, random_state=3))

    assert np.array_equal(shuffled.hu, body_hu())


def test_every_slice_has_its_own_rescale(tmp_path):
    hu = np.round(body_hu() / 2).astype(np.int16) * 2
    paths = write_ct(tmp_path, hu, AXIAL, intercept=0)
    dataset_hu = hu[2]
    edit(paths[2], RescaleSlope="2", PixelData=(dataset_hu // 2).astype("<i2").tobytes())

    volume = read_volume(tmp_path, slices_of(tmp_path))

    assert np.array_equal(volume.hu, hu)


def test_an_oblique_series_keeps_its_obliqueness(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    angle = np.radians(10)
    row, column = [1, 0, 0], [0, np.cos(angle), np.sin(angle)]
    normal = np.cross(row, column)
    for index, path in enumerate(paths):
        edit(
            path,
            ImageOrientationPatient=[f"{value:.12f}" for value in (*row, *column)],
            ImagePositionPatient=[f"{value:.12f}" for value in normal * index * 2.5],
        )

    volume = read_volume(tmp_path, slices_of(tmp_path))

    assert np.array_equal(volume.hu, body_hu())
    assert np.allclose(volume.direction.T, [normal, column, row])
    assert volume.spacing_mm[0] == pytest.approx(2.5)
    assert np.allclose(volume.position_mm((2, 0, 0)), normal * 5)


def test_slice_thickness_and_instance_number_are_not_believed(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    for number, path in enumerate(paths):
        edit(path, SliceThickness="99", InstanceNumber=[7, 3, 3, 1, 100, 2][number])

    volume = read_volume(tmp_path, slices_of(tmp_path))

    assert np.array_equal(volume.hu, body_hu())
    assert volume.spacing_mm[0] == 2.5


def test_a_file_that_changed_since_the_index_is_refused(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    slices = slices_of(tmp_path)
    paths[1].write_bytes(paths[1].read_bytes()[:-20])

    with pytest.raises(InputError, match="LM-D001"):
        read_volume(tmp_path, slices)


def test_an_assumed_rescale_is_that_of_the_index_also_when_planes_are_read(tmp_path):
    for path in write_ct(tmp_path, body_hu()):
        edit(path, RescaleSlope=None, RescaleIntercept=None)
    assumed = CtParams(assume_rescale=(1.0, -1024.0))
    slices = slices_of(tmp_path, assumed)

    hu, _ = read_planes(tmp_path, slices, [1, 2], assumed)

    assert np.array_equal(hu, body_hu()[[1, 2]])
    assert np.array_equal(read_volume(tmp_path, slices, assumed).hu, body_hu())
    with pytest.raises(InputError, match="LM-D021"):
        read_planes(tmp_path, slices, [1])
