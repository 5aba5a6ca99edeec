"""What nodules look like, over many."""

import numpy as np
import pytest

from lungml.phantom.attributes import Calcification, Texture


def attributes_of(patients):
    return [finding.attributes for patient in patients for finding in patient.findings]


def test_every_nodule_is_at_least_3_mm_and_the_median_is_like_lidcs(many_patients):
    diameters = np.array([looks.diameter_mm for looks in attributes_of(many_patients)])

    assert diameters.min() >= 3
    assert np.median(diameters) == pytest.approx(8.0, abs=0.5)


def test_every_kind_occurs_and_only_solid_nodules_are_calcified(many_patients):
    looks = attributes_of(many_patients)

    assert {one.texture for one in looks} == set(Texture)
    assert {one.calcification for one in looks} == set(Calcification)
    assert all(one.texture is Texture.SOLID for one in looks if one.calcification is not Calcification.NONE)


def test_size_tells_nothing_about_the_other_attributes(many_patients):
    looks = attributes_of(many_patients)
    diameters = [one.diameter_mm for one in looks]

    for other in ("spiculation", "lobulation", "elongation"):
        assert abs(np.corrcoef(diameters, [getattr(one, other) for one in looks])[0, 1]) < 0.06


def test_patients_have_one_to_four_nodules(many_patients):
    assert {len(patient.findings) for patient in many_patients} == {1, 2, 3, 4}
