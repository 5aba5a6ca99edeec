import re

import pandas as pd
import pytest

from lungml.checks.leakage import check_split
from lungml.errors import InputError


def clean():
    split = pd.DataFrame(
        {
            "nodule_id": ["n1", "n2", "n3", "n4"],
            "patient_id": ["secret-a", "secret-a", "secret-b", "secret-c"],
            "part": ["train", "train", "val", "test"],
            "series_uid": ["1.1", "1.1", "1.2", "1.3"],
        }
    )
    return split, pd.DataFrame({"series_uid": ["1.1", "1.2", "1.3"], "pixels_sha256": ["a", "b", "c"]})


def test_a_clean_split_passes():
    check_split(*clean())


def test_a_patient_in_two_parts_is_refused_and_not_named():
    split, series = clean()
    split.loc[1, "part"] = "test"

    with pytest.raises(
        InputError,
        match=r"LM-V001: a patient is in more than one part: n1, n2 \(one patient in test and train\)",
    ) as caught:
        check_split(split, series)

    assert "secret" not in str(caught.value)


def test_one_image_under_two_patients_in_two_parts_is_refused():
    split, series = clean()
    series.loc[2, "pixels_sha256"] = "a"

    with pytest.raises(
        InputError, match=r"LM-V002: the same image .*: n1, n2, n4 \(series \w{12}, \w{12} in"
    ) as caught:
        check_split(split, series)

    assert not re.search(r"\b1\.[13]\b", str(caught.value))  # UIDs are hashed


def test_one_image_under_two_patients_in_one_part_does_no_harm():
    split, series = clean()
    split.loc[3, "part"] = "val"
    series.loc[2, "pixels_sha256"] = "b"

    check_split(split, series)
