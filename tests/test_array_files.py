"""Archives of arrays that are not what they should be."""

import io
import zipfile

import numpy as np
import pytest

from lungml.array_files import ArraysError, TooLargeError, read_arrays

HU = np.full((2, 9, 9), -500, np.int16)
IDS = np.array(["a", "b"])


def as_npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def write(path, **changed):
    """A sound archive of `hu` and `nodule_id`, with members' bytes changed or added."""
    members = {"hu.npy": as_npy(HU), "nodule_id.npy": as_npy(IDS)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (members | changed).items():
            archive.writestr(name, data)
    return path


def with_header(text):
    """An array of HU under another header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + HU.tobytes()


def test_arrays_come_by_name_and_those_that_are_not_there_do_not(tmp_path):
    found = read_arrays(write(tmp_path / "a.npz"), ["nodule_id", "spacing"])

    assert list(found) == ["nodule_id"]
    assert found["nodule_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize("data", [b"", b"\x93NUMP", HU.tobytes()], ids=["empty", "cut", "bytes"])
def test_a_member_without_the_header_of_an_array_is_no_array(tmp_path, data):
    path = write(tmp_path / "a.npz", **{"hu.npy": data})

    with pytest.raises(ArraysError, match="hu is no array"):
        read_arrays(path, ["hu"])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999, 999, 9)}",
        "{'descr': 'foo', 'fortran_order': False, 'shape': (2, 9, 9)}",
        "{[]: 1}",
        "((((",
        "'''",
        "-" * 9000,
    ],
    ids=["memory", "type", "key", "brackets", "quotes", "nesting"],
)
def test_a_header_that_means_nothing_is_an_unreadable_archive(tmp_path, header):
    path = write(tmp_path / "a.npz", **{"hu.npy": with_header(header)})

    with pytest.raises(ArraysError, match="no readable archive of arrays"):
        read_arrays(path, ["hu"])


def test_objects_of_python_are_never_unpickled_and_named(tmp_path):
    path = write(tmp_path / "a.npz", **{"hu.npy": as_npy(np.array([HU, None], dtype=object))})

    with pytest.raises(ArraysError, match="hu of Python objects"):
        read_arrays(path, ["hu"])


def test_words_in_bytes_become_text(tmp_path):
    words = np.array([b"a", "\u00fc".encode()])

    found = read_arrays(write(tmp_path / "a.npz", **{"nodule_id.npy": as_npy(words)}), ["nodule_id"])

    assert found["nodule_id"].tolist() == ["a", "\u00fc"]


def test_bytes_that_are_no_words_are_named(tmp_path):
    path = write(tmp_path / "a.npz", **{"nodule_id.npy": as_npy(np.array([b"\xff"]))})

    with pytest.raises(ArraysError, match="nodule_id holds bytes that are no UTF-8"):
        read_arrays(path, ["nodule_id"])


@pytest.mark.parametrize("point", [0x110000, 0xD800])
@pytest.mark.parametrize("order", "<>")
def test_words_of_characters_that_do_not_exist_are_refused(tmp_path, point, order):
    words = IDS.astype(f"{order}U1").tobytes()[:4] + np.array([point], f"{order}u4").tobytes()
    path = write(tmp_path / "a.npz", **{"nodule_id.npy": as_npy(np.frombuffer(words, f"{order}U1"))})

    with pytest.raises(ArraysError, match="nodule_id holds characters that do not exist"):
        read_arrays(path, ["nodule_id"])


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("lungml.array_files.MAX_BYTES", 1 << 20)
    path = write(tmp_path / "a.npz", more=bytes(1 << 20))

    with pytest.raises(TooLargeError, match="GiB when unpacked"):
        read_arrays(path, ["hu"])


@pytest.mark.parametrize("name", ["a.npy", "a.txt"])
def test_a_file_that_is_no_archive_is_unreadable(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(as_npy(HU) if name == "a.npy" else b"hu, nodule_id\n")

    with pytest.raises(ArraysError, match="no readable archive of arrays"):
        read_arrays(path, ["hu"])


def test_a_damaged_archive_gives_its_arrays_or_one_error(tmp_path):
    whole = write(tmp_path / "whole.npz").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(len(damaged), size=rng.integers(1, 5)):
            damaged[place] = rng.integers(256)
        (tmp_path / "a.npz").write_bytes(damaged)
        try:
            found = read_arrays(tmp_path / "a.npz", ["hu", "nodule_id"])
        except ArraysError:
            refused += 1
        else:
            assert all(np.array_equal(found[name], {"hu": HU, "nodule_id": IDS}[name]) for name in found)

    assert refused > 200
