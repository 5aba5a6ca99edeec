import pytest

from lungml.ct.paths import join_frame, split_frame

FILES = ["a/b.dcm", "IM#1", "IM#", "a#b", "a #7.dcm", "#3", "line\nbreak#12", "ü/😀#0"]


@pytest.mark.parametrize("frame", [None, 0, 12])
@pytest.mark.parametrize("file", FILES)
def test_an_address_leads_back_to_its_file_and_frame(file, frame):
    assert split_frame(join_frame(file, frame)) == (file, frame)


def test_addresses_of_different_images_differ():
    addresses = [join_frame(file, frame) for file in FILES for frame in (None, 1, 3)]

    assert len(set(addresses)) == len(addresses)


def test_a_file_of_one_image_is_its_own_address():
    assert join_frame("a/b.dcm", None) == "a/b.dcm"
    assert join_frame("a/b.dcm", 4) == "a/b.dcm#4"
