import numpy as np
import pandas as pd
import pytest
from lidc_readings import all_files, nodules_of
from shared_data import SHARED_DATA, needs_shared_data

from lungml.agreement import agreement, leave_one_out
from lungml.nodules.reading_files import by_series
from lungml.params.data import LabelParams

TEN = [(1, 1), (1, 2), (2, 2), (3, 3), (3, 4), (4, 4), (5, 5), (5, 4), (2, 3), (1, 1)]
"""Two readings of each of ten nodules, one per patient.

Each of the 20 readings is set against the other one of its nodule.
Quadratic weighted kappa: four nodules differ by 1, so the mean squared difference is 4 * 2 / 20 = 0.4. The
scores are 1 five times, 2, 3 and 4 four times, 5 three times: mean 56 / 20 = 2.8, mean square 196 / 20 = 9.8,
variance 9.8 - 7.84 = 1.96, so by chance the difference would be 2 * 1.96 = 3.92. 1 - 0.4 / 3.92 = 44 / 49.
Kappa: 7 of 20 readings are 4 or 5; only (3, 4) is on both sides of the cut, so 18 of 20 agree. By chance
0.35^2 + 0.65^2 = 0.545 do. (0.9 - 0.545) / (1 - 0.545) = 71 / 91.
AUROC: the other reader says 4 or 5 for readings of 3, 4, 4, 4, 5, 5, 5, and less for five of 1, four of 2,
three of 3, one of 4. Of 7 * 13 pairs, 3 wins 9 and ties 3 (10.5), each 4 wins 12 and ties 1 (12.5 * 3), each
5 wins all 13 (39): 87 / 91.
"""


def readings_of(scores, patients=None):
    rows = [
        (f"n{number:02}-{reader}", f"n{number:02}", value, number if patients is None else patients[number])
        for number, values in enumerate(scores)
        for reader, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["reading_id", "nodule_id", "malignancy", "patient_id"])


def test_ten_nodules_give_what_was_computed_by_hand():
    found = agreement(readings_of(TEN), LabelParams())

    values = {name: measure["value"] for name, measure in found["leave_one_out"].items()}
    assert values == pytest.approx({"qwk": 44 / 49, "kappa": 71 / 91, "auroc": 87 / 91}, abs=1e-12)
    assert (found["nodules"], found["readings"], found["patients"]) == (10, 20, 10)
    assert found["nodules_by_readings"] == {"2": 10}
    assert (found["pairs"]["count"], found["pairs"]["equal"], found["pairs"]["within_one"]) == (10, 0.6, 1.0)


@pytest.mark.parametrize(
    ("labels", "others"),
    [
        (LabelParams(aggregation="mean"), [4, 3, 3]),
        (LabelParams(aggregation="mean", ties="lower"), [4, 2, 2]),
        (LabelParams(aggregation="mode"), [4, 4, 4]),
    ],
)
def test_the_other_readings_become_one_as_the_policy_says(labels, others):
    assert leave_one_out(readings_of([(1, 4, 4)]), labels)["others"].tolist() == others


def test_a_policy_that_needs_more_readers_still_sets_two_against_each_other():
    assert len(leave_one_out(readings_of([(2, 3)]), LabelParams(min_readers=3))) == 2


def test_single_readings_missing_scores_and_small_marks_do_not_count():
    readings = readings_of([(3,), (2, 0), (4, 5, 0)])
    readings.loc[len(readings)] = ["x", "", 5, 9]

    found = agreement(readings, LabelParams())

    assert (found["nodules"], found["readings"]) == (1, 2)


def test_without_two_readings_nothing_is_claimed():
    found = agreement(readings_of([(3,), (4,)]), LabelParams())

    assert found["leave_one_out"] == {"qwk": None, "kappa": None, "auroc": None}


def test_the_interval_is_wider_where_patients_are_fewer():
    many = [values for values in TEN for _ in range(4)]

    widths = [
        np.ptp([found["low"], found["high"]])
        for patients in (range(40), [number // 4 for number in range(40)])
        for found in [agreement(readings_of(many, patients), LabelParams())["leave_one_out"]["qwk"]]
    ]

    assert widths[0] < widths[1]


def test_order_of_the_rows_does_not_matter():
    readings = readings_of([*TEN, (1, 4, 5), (2, 2, 3, 5)])

    assert agreement(readings, LabelParams()) == agreement(
        readings.sample(frac=1, random_state=0), LabelParams()
    )


@needs_shared_data
@pytest.mark.slow
def test_readers_of_lidc_agree_moderately():
    """526 series; a change of these figures is a change of the clusters, the parser or the measures."""
    tables = pd.read_csv(SHARED_DATA / "lidc_tables/acquisition_params.csv").set_index("series_uid")
    rows = [
        (f"{uid}-{number}-{reading.reader}-{place}", f"{uid}-{number}", reading.ratings["malignancy"], uid)
        for uid, files in by_series(all_files()).items()
        if uid in tables.index
        for number, nodule in enumerate(nodules_of(files, float(tables["pixel_spacing"][uid])))
        for place, reading in enumerate(member.reading for member in nodule.members)
    ]
    readings = pd.DataFrame(rows, columns=["reading_id", "nodule_id", "malignancy", "patient_id"])

    found = agreement(readings, LabelParams())["leave_one_out"]

    assert 0.45 < found["qwk"]["value"] < 0.62
    assert 0.68 < found["auroc"]["value"] < 0.82
