"""The index of a phantom cohort against the truth that the pipeline never reads."""

import numpy as np
import pandas as pd
import pytest

from lungml.params.data import ConsensusParams, CtParams, PhantomParams
from lungml.phantom.cohort import write_cohort
from lungml.stages.index import run


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        write_cohort(PhantomParams(patients=6), ct=folder / "ct", truth=folder / "truth")
        run(CtParams(), ConsensusParams(), raw=folder / "ct", out=folder / "index")
    truth = pd.read_csv(folder / "truth" / "nodules.csv")
    nodules = pd.read_parquet(folder / "index" / "nodules.parquet")
    series = pd.read_parquet(folder / "index" / "series.parquet").set_index("series_uid")
    return truth, nodules, series, (folder / "index" / "quarantine.jsonl").read_text()


def matched(indexed):
    """Each indexed nodule with the nearest drawn one, and their distance in mm."""
    truth, nodules, series, _ = indexed
    axes = ["z_index", "y_index", "x_index"]
    for nodule in nodules.itertuples():
        of_series = truth[truth["series_uid"] == nodule.series_uid]
        spacing = series.loc[nodule.series_uid, ["spacing_z_mm", "spacing_y_mm", "spacing_x_mm"]].to_numpy(
            float
        )
        place = np.array([getattr(nodule, axis) for axis in axes])
        distances = np.linalg.norm((of_series[axes].to_numpy() - place) * spacing, axis=1)
        yield nodule, of_series.iloc[distances.argmin()], distances.min()


def test_every_drawn_nodule_is_found_where_it_is_with_its_scores(indexed):
    truth, nodules, _, _ = indexed

    pairs = list(matched(indexed))

    assert len(nodules) == len(truth)
    assert len({(drawn.series_uid, drawn.nodule) for _, drawn, _ in pairs}) == len(truth)
    assert max(distance for _, _, distance in pairs) < 4
    for found, drawn, _ in pairs:
        assert sorted(int(score) for score in str(drawn.scores).split()) == list(found.scores)


def test_diameters_are_right_on_average(indexed):
    errors = [found.diameter_mm / drawn.diameter_mm - 1 for found, drawn, _ in matched(indexed)]

    assert abs(np.median(errors)) < 0.1


def test_nothing_of_a_phantom_is_set_aside(indexed):
    assert '"quarantined"' not in indexed[3]
