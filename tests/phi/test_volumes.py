"""Copies of volume files: the same voxels in the same place, or none."""

import gzip

import numpy as np
import pytest
import SimpleITK
from canaries import Canaries, write_volumes
from nameless_copies import NAMES, left_out

from lungml.phi.folder import deidentify_folder


@pytest.mark.parametrize(
    "name",
    ["raw.nrrd", "packed.nrrd", "volume.nii", "volume.nii.gz", "volume.mha", "packed.mha", "header.mhd"],
)
def test_volumes_keep_their_voxels_and_their_place(marked, name):
    folder, _, _, _ = marked

    image = SimpleITK.ReadImage(str(folder / "out" / NAMES.path(name)))
    source = SimpleITK.ReadImage(str(folder / "in" / name))

    assert SimpleITK.GetArrayFromImage(image).ravel().tolist() == list(range(24))
    assert image.GetSpacing() == source.GetSpacing()
    assert image.GetOrigin() == source.GetOrigin()
    assert image.GetDirection() == source.GetDirection()


@pytest.mark.parametrize("short", [1, 20, 47])
@pytest.mark.parametrize("name", ["raw.nrrd", "packed.nrrd", "volume.nii", "packed.mha"])
def test_volumes_with_too_few_voxels_are_left_out(tmp_path, name, short):
    write_volumes(tmp_path, Canaries())
    data = (tmp_path / name).read_bytes()
    marked = b"CNRY" in data[-10:]

    assert left_out(tmp_path / "case", name, data[: len(data) - short - 10 * marked]) == {"LM-P003": 1}


def test_a_volume_that_would_grow_beyond_measure_is_left_out_unread(tmp_path):
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2048 2048 1000\nencoding: gzip\n\n"

    assert left_out(tmp_path, "a.nrrd", header.encode() + gzip.compress(bytes(1 << 20))) == {"LM-P003": 1}


@pytest.mark.parametrize(
    "part",
    ["/etc/passwd", "../secret.raw", "a/b.raw", "..", "C:\\x.raw", "\\\\host\\x", "%2e%2e/x", "LIST", ""],
)
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_voxels_that_lie_elsewhere_are_not_read(tmp_path, name, part):
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    headers = {
        "a.mhd": f"NDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\nElementDataFile = {part}\n",
        "a.nhdr": f"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nencoding: raw\ndata file: {part}\n\n",
    }

    assert left_out(tmp_path, name, headers[name].encode()) == {"LM-P003": 1}


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii", "a.nii.gz", "a.mha", "a.mhd"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("shape", [(8, 256, 256), (3, 301, 257)])
def test_volumes_of_a_whole_and_a_broken_number_of_mebibytes_are_copied(tmp_path, name, packed, shape):
    hu = np.random.default_rng(0).integers(-1000, 400, shape, dtype=np.int16)
    image = SimpleITK.GetImageFromArray(hu)
    image.SetOrigin((-1.5, 2.25, 3))
    image.SetSpacing((0.7, 0.8, 2.5))
    (tmp_path / "in").mkdir()
    SimpleITK.WriteImage(image, str(tmp_path / "in" / name), useCompression=packed)

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    copy = SimpleITK.ReadImage(str(tmp_path / "out" / NAMES.path(name)))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(copy), hu)
    assert copy.GetOrigin() == SimpleITK.ReadImage(str(tmp_path / "in" / name)).GetOrigin()
    assert copy.GetSpacing() == SimpleITK.ReadImage(str(tmp_path / "in" / name)).GetSpacing()
