"""What the packaged index says of LIDC-IDRI, against the numbers that were published."""

import pytest

from lungml.errors import ParamsError
from lungml.idc.catalogue import Series, choose, ct_series, size_of
from lungml.params.data import IdcParams


@pytest.fixture(scope="module")
def lidc():
    return ct_series("lidc_idri")


def test_lidc_has_the_published_numbers_of_patients_series_and_images(lidc):
    """1,010 patients with 1,018 CT scans (Armato et al. 2011); 243,958 CT images (TCIA)."""
    total = size_of(lidc)

    assert (total.patients, total.series, total.images) == (1010, 1018, 243_958)
    assert total.gb == pytest.approx(128.4, abs=0.1)


def test_every_series_says_where_it_is(lidc):
    assert all(each.url.startswith("s3://") and each.url.endswith("/") for each in lidc)
    assert len({each.url for each in lidc}) == 1018


def test_the_collection_holds_other_objects_that_are_not_taken(lidc):
    """290 patients have radiographs too (TCIA)."""
    assert min(each.images for each in lidc) >= 8


def test_an_unknown_collection_is_refused_with_one_that_is_near():
    with pytest.raises(ParamsError, match=r"near to it are .*lidc_idri"):
        ct_series("lidc-idri")


def test_patients_with_two_scans_are_taken_whole(lidc):
    twice = sorted({a.patient_id for a in lidc for b in lidc if a < b and a.patient_id == b.patient_id})

    chosen = choose(lidc, IdcParams(patients=tuple(twice)))

    assert len(twice) == 8
    assert len(chosen) == 16


SMALL = [Series(patient, uid, 10, 10**9, "s3://idc/x/") for patient, uid in ("a1", "a2", "b3", "c4")]


@pytest.mark.parametrize(
    ("params", "uids"),
    [
        ({}, "1234"),
        ({"max_patients": 2}, "123"),
        ({"max_gb": 2.9}, "12"),
        ({"max_gb": 3}, "123"),
        ({"patients": ("c", "a")}, "124"),
        ({"patients": ("c", "a"), "max_patients": 1}, "12"),
    ],
)
def test_whole_patients_are_chosen_in_the_order_of_their_ids(params, uids):
    assert "".join(each.series_uid for each in choose(SMALL, IdcParams(**params))) == uids


def test_a_patient_who_is_not_there_is_named():
    with pytest.raises(ParamsError, match=r"'z'.*not in"):
        choose(SMALL, IdcParams(patients=("a", "z")))


def test_too_little_for_one_patient_is_refused():
    with pytest.raises(ParamsError, match="first patient alone"):
        choose(SMALL, IdcParams(max_gb=1.5))
