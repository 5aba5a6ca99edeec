"""Where voxels may lie, and how many there may be."""

import pytest

from lungml.phi.voxels import HeaderError, bytes_of, plain_file


def test_bytes_are_those_of_all_voxels():
    assert bytes_of((512, 512, 100), 2) == 52_428_800


@pytest.mark.parametrize("sizes", [(), (0,), (4, -1, 4), (2**17, 2**17)])
def test_an_array_of_nothing_or_of_more_than_16_gibibytes_is_impossible(sizes):
    with pytest.raises(HeaderError):
        bytes_of(sizes, 2)


def test_16_gibibytes_are_possible():
    assert bytes_of((2**17, 2**16), 2) == 2**34


@pytest.mark.parametrize("name", ["a.raw", "volume 1.zraw", "b..c"])
def test_a_file_beside_the_header_is_read(name):
    assert plain_file(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "C:x", "a%2fb", "a\0b", "LIST", "LIST 2"]
)
def test_a_path_a_pattern_or_a_list_is_no_file_beside_the_header(name):
    with pytest.raises(HeaderError, match="lie elsewhere"):
        plain_file(name)
