"""Slices are read into their planes by one thread or several; the answers are the body as written."""

import numpy as np
import pytest
from ct_files import body_hu, write_ct

from lungml.ct.filling import fill_planes
from lungml.ct.read_header import read_header
from lungml.quarantine import RefusedError

SHAPE = (20, 10, 12)
"""More planes than a thread takes at a time, and no whole number of such runs."""


@pytest.fixture
def body():
    hu = body_hu(SHAPE)
    hu[11, 0, 0] = -2000  # padding, as scanners leave it
    return hu


@pytest.fixture(params=["1", "4"], ids=["one thread", "four threads"])
def ordered(request, body, tmp_path, monkeypatch):
    """Headers of the slices in the order of their positions."""
    monkeypatch.setenv("LUNGML_WORKERS", request.param)
    return [read_header(tmp_path, path.name) for path in write_ct(tmp_path, body)]


def empty():
    return np.full(SHAPE, 7, np.int16), np.ones(SHAPE, bool)


def test_every_image_is_in_its_own_plane(tmp_path, ordered, body):
    hu, padding = empty()

    fill_planes(tmp_path, ordered, hu, padding)

    assert np.array_equal(padding, body == -2000)
    assert np.array_equal(hu, np.where(padding, -1000, body))


def test_planes_of_a_volume_that_is_turned_are_filled_in_place(tmp_path, ordered, body):
    hu, padding = empty()

    fill_planes(tmp_path, ordered, hu[::-1, :, ::-1], padding[::-1, :, ::-1])

    assert np.array_equal(hu, np.where(body == -2000, -1000, body)[::-1, :, ::-1])


def test_of_several_images_that_cannot_be_read_the_first_is_named(tmp_path, ordered):
    for index in (17, 9, 10):
        path = tmp_path / ordered[index].path
        path.write_bytes(path.read_bytes()[:-2])

    with pytest.raises(RefusedError) as refused:
        fill_planes(tmp_path, ordered, *empty())

    assert refused.value.finding.path == ordered[9].path
