"""NIfTI headers: what they say of values and place is applied, or refused where it cannot be so."""

import gzip

import numpy as np
import pytest
from ct_files import ORIENTATIONS, ORIGIN_MM, body_hu
from volume_files import code_of, edit_nifti, write_volume

from lungml.ct.volume_files import read_volume_file


def test_slope_and_intercept_of_nifti_are_applied(tmp_path):
    hu = body_hu() // 2 * 2
    path = write_volume(tmp_path / "a.nii", (hu + 1100) // 2, dtype=np.uint16)
    edit_nifti(path, scl_slope=2.0, scl_inter=-1100.0)

    assert np.array_equal(read_volume_file(tmp_path, "a.nii").hu, hu)


def test_a_slope_of_zero_means_none(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, scl_slope=0.0)

    assert np.array_equal(read_volume_file(tmp_path, "a.nii").hu, body_hu())


@pytest.mark.parametrize("unset", ["qform_code", "sform_code"])
def test_one_of_qform_and_sform_is_enough(tmp_path, unset):
    path = write_volume(tmp_path / "a.nii", body_hu(), ORIENTATIONS[7])
    edit_nifti(path, **{unset: 0})

    volume = read_volume_file(tmp_path, "a.nii")

    assert np.array_equal(volume.hu, body_hu())
    assert np.allclose(volume.origin_mm, ORIGIN_MM, atol=1e-5)


def test_a_slope_that_is_no_number_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, scl_slope=np.nan)

    assert code_of(path) == "LM-D063"


def test_a_nifti_without_a_place_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, qform_code=0, sform_code=0)

    assert code_of(path) == "LM-D064"


def test_a_nifti_that_contradicts_itself_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, qoffset=[10.0, -20.0, -95.0])

    assert code_of(path) == "LM-D065"


def test_a_header_that_claims_a_huge_volume_allocates_nothing(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, sizes=[3, 4000, 4000, 4000, 1, 1, 1, 1])

    assert code_of(path) == "LM-D030"


def test_a_changed_byte_in_a_compressed_file_is_found_by_its_checksum(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    stored = bytearray(gzip.compress(path.read_bytes(), compresslevel=0))
    stored[-100] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(stored)

    assert code_of(tmp_path / "a.nii.gz") == "LM-D060"


def test_a_compressed_file_of_several_members_is_read(tmp_path):
    data = write_volume(tmp_path / "a.nii", body_hu()).read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(data[:100]) + gzip.compress(data[100:]))

    assert np.array_equal(read_volume_file(tmp_path, "a.nii.gz").hu, body_hu())


@pytest.mark.parametrize("offset", [np.nan, 1e30, 1e6])
def test_values_that_begin_nowhere_are_refused(tmp_path, offset):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, vox_offset=offset)

    assert code_of(path) == "LM-D060"


def test_a_compressed_file_is_read_no_further_than_its_header_says(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    with gzip.open(tmp_path / "bomb.nii.gz", "wb") as stream:
        stream.write(path.read_bytes() + bytes(1 << 26))

    assert np.array_equal(read_volume_file(tmp_path, "bomb.nii.gz").hu, body_hu())
