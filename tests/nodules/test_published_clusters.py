"""All readings of the shared LIDC files against a published table of clusters (made with pylidc)."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from shared_data import SHARED_DATA, needs_shared_data, unpacked

from lungml.nodules.consensus import consensus_nodules
from lungml.nodules.lidc_xml import parse_readings
from lungml.nodules.linking import SliceGrid, place_readings
from lungml.nodules.reading_files import by_series, choose_file
from lungml.params.data import ConsensusParams
from lungml.quarantine import RefusedError

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


def all_files():
    raw = unpacked("lidc_xml/lidc_ct_xml.tar.xz")
    for path in sorted(raw.rglob("*.xml")):
        try:
            yield parse_readings(raw, str(path.relative_to(raw)))
        except RefusedError:
            continue


def nodules_of(files, pixel_mm):
    """Nodules of one series; its slices are taken from the contours, as the images are not here."""
    file, _ = choose_file(files)
    heights = sorted({contour.z_mm for reading in file.readings for contour in reading.contours})
    distances = np.diff(heights)
    distances = distances[distances > 1e-3]
    spacing_z = float(np.round(np.median(distances[distances < 1.5 * distances.min()]), 4))
    grid = SliceGrid(
        index_of_sop={},
        z_mm=np.arange(heights[0], heights[-1] + spacing_z / 2, spacing_z),
        plane_shape=(512, 512),
        spacing_mm=(spacing_z, pixel_mm, pixel_mm),
        is_axial=True,
        to_canonical=lambda points: points,
    )
    return consensus_nodules(place_readings(file, grid)[0], grid.spacing_mm, ConsensusParams())
