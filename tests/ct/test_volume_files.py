"""The same body in every format is the same volume; a file that no volume can be is refused by its code."""

from contextlib import suppress

import numpy as np
import pytest
import SimpleITK
from ct_files import ORIENTATIONS, ORIGIN_MM, SPACING_MM, body_hu, write_ct
from ct_index import slices_of
from volume_files import FORMATS, code_of, edit_header, write_volume

from lungml.ct.read import read_volume
from lungml.ct.volume_files import geometry_of_file, inspect_volume_file, read_volume_file
from lungml.params.data import CtParams
from lungml.quarantine import RefusedError

CANONICAL = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_volume_of_the_dicom_series(tmp_path, suffix):
    hu = body_hu()
    hu[2, 0, 0] = -2000  # padding, as scanners leave it
    write_ct(tmp_path / "dicom", hu)
    dicom = read_volume(tmp_path, slices_of(tmp_path))
    write_volume(tmp_path / "file" / f"body.{suffix}", hu)

    volume = read_volume_file(tmp_path, f"file/body.{suffix}")

    assert np.array_equal(volume.hu, dicom.hu)
    assert np.array_equal(volume.padding, dicom.padding)
    assert volume.padding.sum() == 1
    assert volume.spacing_mm == dicom.spacing_mm
    assert volume.origin_mm == pytest.approx(dicom.origin_mm, abs=1e-9)
    assert np.allclose(volume.direction, dicom.direction)


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_every_way_to_store_a_body_gives_the_same_volume(tmp_path, orientation, suffix):
    hu = body_hu()
    write_volume(tmp_path / f"body.{suffix}", hu, orientation)

    volume = read_volume_file(tmp_path, f"body.{suffix}")

    assert np.array_equal(volume.hu, hu)
    assert volume.spacing_mm == SPACING_MM
    assert np.allclose(volume.origin_mm, ORIGIN_MM, atol=1e-5)
    assert np.allclose(volume.direction, CANONICAL)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_an_oblique_file_keeps_its_obliqueness(tmp_path, suffix):
    angle = np.radians(10)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    picture = SimpleITK.GetImageFromArray(body_hu())
    picture.SetDirection(turn.ravel().tolist())
    SimpleITK.WriteImage(picture, str(tmp_path / f"a.{suffix}"))

    volume = read_volume_file(tmp_path, f"a.{suffix}")

    assert np.allclose(volume.direction, turn[:, ::-1], atol=1e-6)
    assert np.array_equal(volume.hu, body_hu())


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_every_type_of_number_gives_the_same_hu(tmp_path, dtype, suffix):
    write_volume(tmp_path / f"a.{suffix}", body_hu(), dtype=dtype)

    assert np.array_equal(read_volume_file(tmp_path, f"a.{suffix}").hu, body_hu())


@pytest.mark.parametrize("suffix", ["nrrd", "mha", "mhd"])
def test_compressed_files_give_the_same_hu(tmp_path, suffix):
    write_volume(tmp_path / f"a.{suffix}", body_hu(), compress=True)

    assert np.array_equal(read_volume_file(tmp_path, f"a.{suffix}").hu, body_hu())


def test_ras_and_las_files_are_turned_to_lps(tmp_path):
    hu = body_hu()
    path = write_volume(tmp_path / "a.nrrd", hu)
    edit_header(path, {"space": "right-anterior-superior"})

    volume = read_volume_file(tmp_path, "a.nrrd")

    assert np.array_equal(volume.hu, hu[:, ::-1, ::-1])


def test_statistics_and_grid_need_one_look_at_the_file(tmp_path):
    write_volume(tmp_path / "a.mha", body_hu(), ORIENTATIONS[1])

    found = inspect_volume_file(tmp_path, "a.mha", CtParams())

    assert found.geometry.shape == body_hu().shape
    assert found.statistics.hu_min == body_hu().min()
    assert geometry_of_file(tmp_path, "a.mha", CtParams()).spacing_mm == SPACING_MM


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_file_that_ends_early_is_never_filled_up(tmp_path, suffix, share):
    path = write_volume(tmp_path / f"a.{suffix}", body_hu())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])

    assert code_of(path) == "LM-D060"


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
@pytest.mark.parametrize("axes", [2, 4])
def test_other_numbers_of_axes_are_refused(tmp_path, suffix, axes):
    picture = SimpleITK.GetImageFromArray(
        np.stack([body_hu()] * 2) if axes == 4 else body_hu()[0], isVector=False
    )
    SimpleITK.WriteImage(picture, str(tmp_path / f"a.{suffix}"))

    assert code_of(tmp_path / f"a.{suffix}") == "LM-D062"


def test_too_few_slices_and_too_large_files_are_refused(tmp_path):
    few = write_volume(tmp_path / "a.mha", body_hu((2, 10, 12)))
    large = write_volume(tmp_path / "b.mha", body_hu())

    def read(raw, path):
        return read_volume_file(raw, path, CtParams(max_volume_gib=1e-7))

    assert [code_of(few), code_of(large, read)] == ["LM-D053", "LM-D030"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_files_changed_at_random_are_read_or_refused(tmp_path, suffix):
    rng = np.random.default_rng(0)
    whole = write_volume(tmp_path / f"a.{suffix}", body_hu()).read_bytes()
    head = len(whole) if suffix == "nii.gz" else 400
    for _ in range(1000):
        data = bytearray(whole)
        for at in rng.integers(0, head, rng.integers(1, 6)):
            data[at] = rng.integers(256)
        (tmp_path / f"b.{suffix}").write_bytes(
            data[: rng.integers(len(data)) if rng.random() < 0.2 else None]
        )

        with suppress(RefusedError):
            inspect_volume_file(tmp_path, f"b.{suffix}", CtParams())
