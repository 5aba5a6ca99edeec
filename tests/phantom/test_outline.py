"""Outlines run around a nodule, one pixel outside it."""

import numpy as np
import pytest
from scipy import ndimage

from lungml.phantom.outline import main_piece, outline


def mask_of(*rows):
    return np.pad(np.array([[pixel == "#" for pixel in row] for row in rows]), 2)


def test_the_outline_of_one_pixel_is_its_four_neighbours_clockwise():
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True

    assert outline(mask) == [(1, 2), (2, 3), (3, 2), (2, 1)]


def test_the_outline_of_a_square_goes_around_it():
    chain = outline(mask_of("##", "##"))

    assert sorted(chain) == sorted([(1, 2), (1, 3), (2, 4), (3, 4), (4, 3), (4, 2), (3, 1), (2, 1)])


SHAPES = {
    "pixel": mask_of("#"),
    "row": mask_of("######"),
    "column": mask_of("#", "#", "#"),
    "plus": mask_of(".#.", "###", ".#."),
    "disc": np.hypot(*(np.indices((41, 41)) - 20)) < 15.3,
    "corner": mask_of("##..", "##..", "####"),
    "bay": mask_of("#....#", "#....#", "######"),
}


@pytest.mark.parametrize("mask", SHAPES.values(), ids=SHAPES)
def test_an_outline_touches_its_mask_never_covers_it_and_closes(mask):
    chain = outline(mask)

    beside = ndimage.binary_dilation(mask) & ~mask
    assert all(beside[pixel] for pixel in chain)
    assert (np.abs(np.diff(np.array([*chain, chain[0]]), axis=0)).max(axis=1) == 1).all()


@pytest.mark.parametrize("name", ["pixel", "row", "column", "plus", "disc"])
def test_what_an_outline_without_bays_encloses_is_the_mask(name):
    assert np.array_equal(enclosed(SHAPES[name]), SHAPES[name])


@pytest.mark.parametrize("name", ["corner", "bay"])
def test_what_an_outline_encloses_holds_the_mask_and_no_pixel_that_does_not_touch_it(name):
    inside = enclosed(SHAPES[name])

    assert inside[SHAPES[name]].all()
    assert not inside[~ndimage.binary_dilation(SHAPES[name])].any()


def enclosed(mask):
    on_line = np.zeros_like(mask)
    on_line[tuple(np.array(outline(mask)).T)] = True
    return ndimage.binary_fill_holes(on_line) & ~on_line


def test_the_main_piece_is_the_one_asked_for_without_holes():
    mask = mask_of("###....#", "#.#....#", "###....#")

    piece = main_piece(mask, (2, 2))

    assert piece.sum() == 9
    assert piece[3, 3]


def test_the_pixel_asked_for_is_in_the_piece_even_if_the_mask_is_empty():
    assert main_piece(np.zeros((3, 3), bool), (1, 1)).sum() == 1
