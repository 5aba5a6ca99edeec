"""All readings of the shared LIDC files against a published table of clusters (made with pylidc)."""

from collections import Counter

import pandas as pd
import pytest
from lidc_readings import all_files, nodules_of
from shared_data import SHARED_DATA, needs_shared_data

from lungml.nodules.reading_files import by_series

pytestmark = [needs_shared_data, pytest.mark.slow]


def test_nodules_of_526_series_are_those_of_the_published_clusters():
    tables = SHARED_DATA / "lidc_tables"
    spacing = pd.read_csv(tables / "acquisition_params.csv").set_index("series_uid")["pixel_spacing"]
    published = pd.read_csv(tables / "pylidc_clusters.csv").groupby("series_uid")["malignancy_scores"]
    expected = {uid: Counter(map(as_scores, scores)) for uid, scores in published}

    found = {
        uid: Counter(nodule.scores for nodule in nodules_of(files, float(spacing[uid])))
        for uid, files in by_series(all_files()).items()
        if uid in spacing.index
    }

    assert len(found) == 526
    same = sum(scores == expected.get(uid, Counter()) for uid, scores in found.items())
    assert same >= 523  # the others differ in whether two readings are one nodule
    assert (
        abs(
            sum(map(Counter.total, found.values()))
            - sum(expected[uid].total() for uid in found if uid in expected)
        )
        <= 2
    )


def as_scores(text):
    return tuple(sorted(int(float(score)) for score in text.split("|")))
