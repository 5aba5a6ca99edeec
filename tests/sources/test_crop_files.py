"""Archives of crops that cannot be used."""

import zipfile

import numpy as np
import pytest
from crop_archives import crop_folder, indexed, row
from index_and_views import found

from lungml.errors import InputError
from lungml.quarantine import RefusedError
from lungml.sources.crop_files import read_archive


@pytest.mark.parametrize(
    "arrays",
    [
        {"hu": np.zeros((2, 9, 9), np.float32)},
        {"hu": np.zeros((2, 81), np.int16)},
        {"hu": np.zeros((3, 9, 9), np.int16)},
        {"nodule_id": np.array([1, 1])},
        {"hu": np.array([{"a": 1}], dtype=object)},
        {"hu": np.zeros((2, 0, 9), np.int16)},
    ],
    ids=["type", "axes", "length", "ids", "pickle", "empty"],
)
def test_an_archive_of_something_else_is_refused(tmp_path, arrays):
    crop_folder(tmp_path / "raw", [row(1), row(2)], **arrays)

    with pytest.raises(InputError, match=r"(?s)no series.*can be used.*LM-L017"):
        indexed(tmp_path)


@pytest.mark.parametrize("member", ["hu", "hu.npy", "nodule_id.npy"])
def test_an_archive_of_bytes_that_are_no_array_is_refused(tmp_path, member):
    crop_folder(tmp_path / "raw", [row(1), row(2)])
    path = tmp_path / "raw" / "nodules.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if not name.startswith(member)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | {member: bytes(2 * 21 * 21 * 2)}).items():
            archive.writestr(name, data)

    with pytest.raises(RefusedError, match=r"LM-D060 nodules\.npz"):
        read_archive(path.parent, path.name)
    with pytest.raises(InputError, match=r"(?s)no series.*can be used.*LM-L017"):
        indexed(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("lungml.array_files.MAX_BYTES", 1 << 20)
    crop_folder(tmp_path / "raw", [row(1)])
    np.savez_compressed(tmp_path / "raw" / "bomb.npz", hu=np.zeros((2, 1 << 10, 1 << 10), np.int16))

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert "GiB" in found(tmp_path)["LM-L017"]
