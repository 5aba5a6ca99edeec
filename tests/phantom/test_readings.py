"""Readings of a scene: each reader marks what the ratings say, outlines lie around the nodule."""

import numpy as np
import pytest
from scipy import ndimage

from lungml.params.data import PhantomParams
from lungml.phantom.nodule_shape import core_depth
from lungml.phantom.patient import draw_patient
from lungml.phantom.readings import outline_in_plane, read_scene
from lungml.phantom.scene import place


def test_a_reader_outlines_exactly_the_nodules_rated(one_scene):
    readings = read_scene(one_scene)

    for reader in range(4):
        rated = [
            rating
            for nodule in one_scene.nodules
            for rating in nodule.finding.ratings
            if rating.reader == reader
        ]
        assert [reading.rating for reading in readings[reader] if reading.kind == "nodule"] == rated


def test_small_nodules_and_non_nodules_are_points_without_rating(one_scene):
    points = [
        reading for of_reader in read_scene(one_scene) for reading in of_reader if reading.kind != "nodule"
    ]

    assert {reading.kind for reading in points} == {"small", "non-nodule"}
    assert all(reading.rating is None for reading in points)
    assert all(len(reading.contours) == len(reading.contours[0].pixels) == 1 for reading in points)


@pytest.mark.parametrize("number", range(1, 9))
def test_outlines_surround_the_centre_on_neighbouring_planes(number):
    scene = place(draw_patient(PhantomParams(), number))
    centres = {id(rating): nodule for nodule in scene.nodules for rating in nodule.finding.ratings}

    for reading in (reading for of_reader in read_scene(scene) for reading in of_reader if reading.rating):
        z, y, x = scene.grid.index_of(centres[id(reading.rating)].centre_mm)
        planes = [contour.plane for contour in reading.contours]
        assert planes == list(range(planes[0], planes[-1] + 1))
        assert planes[0] <= round(z) <= planes[-1]
        middle = np.array(reading.contours[planes.index(round(z))].pixels)
        assert (middle.min(axis=0) < (y, x)).all()
        assert (middle.max(axis=0) > (y, x)).all()


def test_the_outline_of_a_reader_without_error_is_that_of_the_nodule(one_scene):
    nodule, grid = one_scene.nodules[0], one_scene.grid
    plane = round(grid.index_of(nodule.centre_mm)[0])
    depth, box = core_depth(grid, nodule.centre_mm, nodule.shape, plane)

    line = np.zeros(grid.shape[1:], bool)
    line[tuple(np.array(outline_in_plane(grid, nodule, plane)).T)] = True

    assert np.array_equal((ndimage.binary_fill_holes(line) & ~line)[box], depth > 0)


def test_two_readers_draw_different_outlines():
    scene = place(draw_patient(PhantomParams(), 3))
    outlines = [
        reading.contours for of_reader in read_scene(scene) for reading in of_reader if reading.rating
    ]

    assert len(set(outlines)) == len(outlines) > 1
