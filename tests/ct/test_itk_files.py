"""Which files are opened, and which values are a CT's."""

import numpy as np
import pytest
import SimpleITK
from ct_files import body_hu
from volume_files import code_of, edit_header, write_volume

from lungml.ct.itk_files import volume_suffix


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_a_picture_of_eight_bits_is_no_ct(tmp_path, suffix):
    grey = ((body_hu().astype(int) + 1000) // 8).clip(0, 255)

    assert code_of(write_volume(tmp_path / f"a.{suffix}", grey, dtype=np.uint8)) == "LM-D061"


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_colour_is_no_ct(tmp_path, suffix):
    colour = SimpleITK.GetImageFromArray(np.zeros((6, 10, 12, 3), np.uint8), isVector=True)
    SimpleITK.WriteImage(colour, str(tmp_path / f"a.{suffix}"))

    assert code_of(tmp_path / f"a.{suffix}") == "LM-D061"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_values_that_are_no_numbers_are_refused(tmp_path, suffix, value):
    hu = body_hu().astype(np.float32)
    hu[3, 4, 5] = value

    assert code_of(write_volume(tmp_path / f"a.{suffix}", hu, dtype=np.float32)) == "LM-D063"


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_values_in_the_wrong_byte_order_are_not_plausible(tmp_path, suffix):
    path = write_volume(tmp_path / f"a.{suffix}", body_hu())
    swapped = {"nrrd": {"endian": "big"}, "mha": {"BinaryDataByteOrderMSB": "True"}}
    edit_header(path, swapped[suffix])

    assert code_of(path) == "LM-D025"


def test_values_beyond_any_hu_are_refused(tmp_path):
    hu = body_hu().astype(np.float32)
    hu[0, 0, 0] = 1e9

    assert code_of(write_volume(tmp_path / "a.nrrd", hu, dtype=np.float32)) == "LM-D025"


def test_one_value_throughout_is_no_image(tmp_path):
    assert code_of(write_volume(tmp_path / "a.nii", np.full((6, 10, 12), -1000))) == "LM-D066"


def test_a_file_is_read_as_what_its_suffix_says(tmp_path):
    write_volume(tmp_path / "a.mha", body_hu()).rename(tmp_path / "a.nrrd")

    assert code_of(tmp_path / "a.nrrd") == "LM-D060"


def test_suffixes_are_known_in_any_case():
    names = ["A.NII", "b.nii.gz", "c.NRRD", "d.gz", "e.nhdr", "nrrd"]

    assert [volume_suffix(name) for name in names] == [".nii", ".nii.gz", ".nrrd", "", "", ""]
