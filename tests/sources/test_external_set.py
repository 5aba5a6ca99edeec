"""Archives of cubes, whole and broken."""

import zipfile

import numpy as np
import pytest
from cube_archives import COUNT, cubes, write_cubes

from lungml.errors import InputError, MissingInputError
from lungml.sources.external_set import read_cubes


def test_several_parts_are_read_in_their_order(tmp_path):
    made = cubes(size=12)
    path = write_cubes(tmp_path / "a.npz", test_images=made.grey, val_images=made.grey[:2], val_labels=[1, 1])

    found = read_cubes(path, ("val", "test"))

    assert found.labels[:3].tolist() == [1, 1, 0]
    assert len(found.grey) == COUNT + 2


@pytest.mark.parametrize(
    "arrays",
    [
        {"test_images": np.zeros((COUNT, 28, 28, 28), np.float32)},
        {"test_images": np.zeros((COUNT, 28, 28), np.uint8)},
        {"test_labels": np.zeros(3, np.uint8)},
        {"test_labels": np.full(COUNT, 2, np.uint8)},
        {"test_labels": np.array([{}] * COUNT, dtype=object)},
    ],
    ids=["type", "axes", "length", "classes", "pickle"],
)
def test_other_archives_are_refused(tmp_path, arrays):
    with pytest.raises(InputError, match=r"a\.npz"):
        read_cubes(write_cubes(tmp_path / "a.npz", **arrays), ("test",))


def test_bytes_that_are_no_array_are_refused(tmp_path):
    path = write_cubes(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("val_images", bytes(28**3))
        archive.writestr("val_labels", bytes(1))

    with pytest.raises(InputError, match=r"a\.npz cannot be read .*val_images is no array"):
        read_cubes(path, ("val",))


def test_a_missing_part_or_file_is_named(tmp_path):
    path = write_cubes(tmp_path / "a.npz")

    with pytest.raises(InputError, match="train_images"):
        read_cubes(path, ("train",))
    with pytest.raises(MissingInputError):
        read_cubes(tmp_path / "b.npz", ("test",))
