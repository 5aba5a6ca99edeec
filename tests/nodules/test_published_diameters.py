"""Diameters against the table of crops, which others measured on the same contours.

LIDC's outlines are the first voxels outside of a nodule. We measure inside of them, as LIDC says; the table
counts them in, which makes a circle two pixels wider. Of several readers, it has the largest contour and we
have the mean.
"""

import numpy as np
import pandas as pd
import pytest
from lidc_readings import all_files, nodules_of
from shared_data import SHARED_DATA, needs_shared_data

from lungml.nodules.reading_files import by_series

pytestmark = [needs_shared_data, pytest.mark.slow]

EVERY = 5
"""Of the series one in so many is looked at."""


@pytest.fixture(scope="module")
def pairs():
    """Our diameter, the published one (mm), pixel spacing and number of scores of nodules in both."""
    crops = pd.read_csv(SHARED_DATA / "lidc_crops" / "nodules.csv")
    crops["scores"] = [
        tuple(sorted(int(score) for score in scores if score > 0))
        for scores in crops[["r1", "r2", "r3", "r4"]].itertuples(index=False)
    ]
    published = dict(list(crops.groupby("series_uid")))
    series = [(uid, files) for uid, files in by_series(all_files()).items() if uid in published]
    found = [pair for uid, files in series[::EVERY] for pair in matched(files, published[uid])]
    return pd.DataFrame(found, columns=["ours_mm", "published_mm", "pixel_mm", "readers"])


def matched(files, published):
    """Nodules of a series that their scores alone tell apart, in both."""
    pixel_mm = float(published["pixel_spacing_mm"].iloc[0])
    nodules = nodules_of(files, pixel_mm)
    ours = [tuple(sorted(nodule.scores)) for nodule in nodules]
    theirs = list(published["scores"])
    for nodule, scores in zip(nodules, ours, strict=True):
        if ours.count(scores) == theirs.count(scores) == 1:
            other_mm = published["diameter_mm"].iloc[theirs.index(scores)]
            yield nodule.diameter_mm, other_mm, pixel_mm, len(scores)


def test_enough_nodules_are_in_both(pairs):
    assert len(pairs) > 200
    assert (pairs["readers"] == 1).sum() > 35


def test_the_diameter_of_one_reader_is_the_published_one_without_the_outline(pairs):
    one = pairs[pairs["readers"] == 1]

    pixels = (one["published_mm"] - one["ours_mm"]) / one["pixel_mm"]

    assert pixels.between(1.6, 3.0).all()
    assert pixels.median() == pytest.approx(2, abs=0.15)


def test_diameters_of_several_readers_rank_as_the_published_ones(pairs):
    assert np.corrcoef(np.log(pairs["ours_mm"]), np.log(pairs["published_mm"]))[0, 1] > 0.985
    assert (pairs["ours_mm"] < pairs["published_mm"]).all()
