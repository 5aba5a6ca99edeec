"""What the montage shows is what it says."""

import numpy as np
import pytest

from lungml.params.data import PhantomParams
from lungml.phantom.montage import CROPS_PER_CLASS, montage_columns
from lungml.phantom.patient import draw_patients


@pytest.fixture(scope="module")
def columns():
    return montage_columns(draw_patients(PhantomParams(patients=4)))


def test_there_is_one_column_per_class_in_order(columns):
    classes = [column.tumor_class for column in columns]

    assert classes == sorted(set(classes))
    assert all(1 <= len(column.crops) <= CROPS_PER_CLASS for column in columns)


def test_crops_hold_a_nodule_in_lung(columns):
    for crop in (crop for column in columns for crop in column.crops):
        middle = crop.image_hu.shape[0] // 2
        assert crop.image_hu.shape == (120, 120)
        assert crop.image_hu[middle - 3 : middle + 4, middle - 3 : middle + 4].mean() > -750


def test_the_nodule_of_a_slice_is_where_it_is_said_to_be(columns):
    for column in columns:
        row, across = (round(share * column.slice_hu.shape[0]) for share in column.nodule_at)
        at_nodule = column.slice_hu[row - 2 : row + 3, across - 2 : across + 3]
        assert at_nodule.mean() > -750
        assert np.median(column.slice_hu) < -100
