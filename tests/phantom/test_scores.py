"""Readers: how often they agree, how often they mark, and what they write down."""

from collections import Counter

import numpy as np
import pytest
from phantom_labels import arrays_of, reader_agreement

from lungml.params.data import PhantomParams
from lungml.phantom.patient import draw_patients
from lungml.phantom.scores import consensus_class, malignancy_score

LIDC_SHARES = (0.10, 0.19, 0.46, 0.18, 0.06)


@pytest.mark.parametrize("patients", [160, 600])
def test_class_shares_are_near_those_of_lidc(patients):
    five = arrays_of(draw_patients(PhantomParams(patients=patients))).five

    shares = [np.mean(five == score) for score in range(1, 6)]

    assert shares == pytest.approx(LIDC_SHARES, abs=0.04)


@pytest.mark.parametrize("patients", [160, 600])
def test_leave_one_reader_out_agreement_is_about_0_6(patients):
    assert reader_agreement(draw_patients(PhantomParams(patients=patients))) == pytest.approx(0.6, abs=0.05)


def test_one_to_four_readers_mark_a_nodule_and_four_most_often(many_patients):
    counts = Counter(len(finding.ratings) for patient in many_patients for finding in patient.findings)

    assert set(counts) == {1, 2, 3, 4}
    assert counts.most_common(1)[0][0] == 4


def test_a_reader_rates_a_nodule_once_and_within_the_scales_of_lidc(many_patients):
    for patient in many_patients[:100]:
        for finding in patient.findings:
            readers = [rating.reader for rating in finding.ratings]
            assert readers == sorted(set(readers))
            for rating in finding.ratings:
                assert 1 <= rating.calcification <= 6
                assert rating.internal_structure == 1
                scores = (rating.subtlety, rating.sphericity, rating.margin, rating.lobulation)
                assert all(1 <= score <= 5 for score in (*scores, rating.spiculation, rating.malignancy))


def test_scores_rise_with_how_malignant_it_looks():
    assert [malignancy_score(value) for value in (-9, -1, 0, 1.2, 9)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([3], 3), ([3, 4], 4), ([1, 2], 2), ([5, 5, 4], 5), ([2, 2, 3, 3], 3), ([1, 1, 2], 1)],
)
def test_the_consensus_is_the_mean_rounded_half_up(scores, expected):
    assert consensus_class(scores) == expected
