import numpy as np
import pytest

from lungml.evaluation.looks import looks_of


def test_a_ramp_worked_by_hand():
    """0 to 100 HU from left to right, in two rows that are alike."""
    ramp = np.broadcast_to(np.arange(101, dtype=np.int16), (1, 1, 2, 101))

    (found,) = looks_of(ramp)

    spread = np.sqrt((101**2 - 1) / 12)  # of the whole numbers from 0 to 100
    assert found == pytest.approx([1, 5, 25, 50, 75, 95, 99, spread, 0, 1], abs=0.51)


def test_each_channel_has_its_own_numbers():
    images_hu = np.stack([np.full((4, 4), -850), np.full((4, 4), 40)]).astype(np.int16)[None]

    (found,) = looks_of(images_hu)

    assert sorted(found) == [-850.0] * 7 + [0.0] * 6 + [40.0] * 7


def test_padding_and_metal_are_cut_off():
    padded, cut = (np.full((1, 1, 4, 4), value, np.int16) for value in (-2000, -1100))
    metal, bone = (np.full((1, 1, 4, 4), value, np.int16) for value in (3071, 1000))

    assert np.array_equal(looks_of(padded), looks_of(cut))
    assert np.array_equal(looks_of(metal), looks_of(bone))


def test_how_many_are_looked_at_at_once_changes_nothing():
    images_hu = np.random.default_rng(0).integers(-1000, 400, (130, 1, 8, 8)).astype(np.int16)

    assert np.array_equal(looks_of(images_hu)[100:], looks_of(images_hu[100:]))
