"""The columns that the checks are about, on an index with one thing changed; answers worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from index_tables import make_index

from lungml.checks.frames import CROP_LIMITS, build_frames, describe, read_index
from lungml.errors import MissingInputError
from lungml.params.data import LabelParams
from lungml.tables import CROPS
from lungml.terms import Target


@pytest.fixture
def tables():
    return make_index(12, seed=1)


def with_changed(tables, table, row, **values):
    """The index with values of one row of a table changed."""
    changed = getattr(tables, table).copy()
    for name, value in values.items():
        changed.loc[row, name] = value
    return replace(tables, **{table: changed})


def frames(tables, **options):
    return build_frames(tables, LabelParams(), **options)


def test_a_sound_index_has_nothing_missing_unknown_or_mismatched(tables):
    found = frames(tables)

    assert (found["images"]["missing"] == "").all()
    assert (found["images"]["shift"] == "").all()
    assert (found["readings"]["off_scale"] == "").all()
    for name in ("series_known", "patient_matches", "nodule_fits", "malignancy_given"):
        assert found["readings"][name].all(), name
    for name in ("series_known", "patient_matches", "inside_volume"):
        assert found["nodules"][name].all(), name
    assert found["readers"][["readings_match", "scores_match"]].to_numpy().all()
    assert (found["series"]["pixels_in_series"] == 1).all()


def test_what_is_missing_is_named_and_not_asked_of_a_crop(tables):
    volume = with_changed(tables, "series", 0, spacing_z_mm=np.nan, tissue_mode_hu=np.nan, hu_min=np.nan)
    crop = with_changed(volume, "series", 0, form="crop", lung_mode_hu=np.nan, air_mode_hu=np.nan)

    as_volume, as_crop = (frames(each)["images"].loc[0] for each in (volume, crop))

    assert as_volume["missing"] == "hu_min, spacing_z_mm, tissue_mode_hu"
    assert as_crop["missing"] == "hu_min"
    assert not as_crop[["without_air", "without_lung"]].any()


@pytest.mark.parametrize(
    ("values", "shift"),
    [
        ({"hu_p01": 24.0, "hu_max": 2500.0}, "+1024"),
        ({"hu_p01": 24.0, "hu_max": 300.0}, ""),  # soft tissue alone: nothing as dense as shifted bone
        ({"hu_p01": -2024.0}, "-1024"),
        ({"hu_p01": -1000.0}, ""),
        ({"form": "crop", "hu_p50": 800.0, "hu_p01": 24.0}, "+1024"),
        ({"form": "crop", "hu_p50": 60.0, "hu_p01": 24.0, "hu_max": 2500.0}, ""),
        ({"form": "crop", "hu_p50": -1700.0}, "-1024"),
    ],
)
def test_values_that_look_shifted_are_told_by_how_much(tables, values, shift):
    assert frames(with_changed(tables, "series", 3, **values))["images"].loc[3, "shift"] == shift


def test_two_series_of_the_same_pixels_are_counted(tables):
    twin = tables.series.loc[5, "pixels_sha256"]

    found = frames(with_changed(tables, "series", 7, pixels_sha256=twin))["series"]

    assert found["pixels_in_series"].tolist() == [2 if row in {5, 7} else 1 for row in range(12)]


def test_a_rating_off_its_scale_is_named_where_6_is_one_for_calcification_alone(tables):
    changed = with_changed(tables, "readings", 2, malignancy=6, calcification=6, internal_structure=5)

    assert frames(changed)["readings"].loc[2, "off_scale"] == "malignancy, internal_structure"


def test_a_reading_of_a_nodule_in_another_series_does_not_fit(tables):
    other = tables.series.loc[11, ["series_uid", "patient_id"]]

    row = frames(with_changed(tables, "readings", 0, **other))["readings"].loc[0]

    assert not row["nodule_fits"]
    assert row["patient_matches"]


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        ({"z_index": 99.4}, True),
        ({"z_index": 99.6}, False),
        ({"y_index": -0.6}, False),
        ({"x_index": 256.0}, False),
        ({"largest_z_index": 100}, False),
    ],
)
def test_a_centre_lies_in_the_volume_up_to_half_a_voxel_beyond_the_last(tables, values, inside):
    """Of 100 planes of 256 by 256."""
    assert frames(with_changed(tables, "nodules", 4, **values))["nodules"].loc[4, "inside_volume"] == inside


def test_a_point_without_a_size_lacks_no_volume(tables):
    point = with_changed(tables, "nodules", 1, diameter_mm=np.nan, volume_mm3=np.nan)
    sized = with_changed(tables, "nodules", 1, volume_mm3=np.nan)

    assert frames(point)["nodules"].loc[1, "missing"] == ""
    assert frames(sized)["nodules"].loc[1, "missing"] == "volume_mm3"


def test_scores_and_readers_are_held_to_what_the_readings_add_up_to(tables):
    first = tables.nodules.loc[0]
    scores = tables.nodules["scores"].copy()
    scores[0] = [first["scores"][0], 5, 5, 5]
    nodules = tables.nodules.assign(scores=scores)

    row = frames(replace(tables, nodules=nodules))["readers"].loc[0]

    assert row["readings_match"]
    assert not row["scores_match"]


def test_only_classes_of_the_targets_in_use_are_counted_and_their_shares_are_of_labelled_nodules(tables):
    rows = frames(tables, targets=(Target.BINARY,))["labels"].set_index("class")

    assert list(rows.index) == ["binary: benign", "binary: malignant"]
    assert rows["share"].sum() == pytest.approx(1.0)
    assert rows["nodules"].sum() == len(tables.nodules)


def test_a_patient_is_named_by_the_first_series_and_never_by_its_id(tables):
    both = with_changed(tables, "series", 9, patient_id="patient-0002", sex="M")

    found = frames(both)["patients"].set_index("first_series_uid")

    assert found.loc["1.2.0002", ["n_series", "n_sexes"]].tolist() == [2, 2]
    assert len(found) == 11
    assert not found.astype(str).apply(lambda column: column.str.contains("patient-")).to_numpy().any()


def test_a_crop_is_odd_by_the_limits_that_it_breaks_and_a_limit_itself_breaks_none(tables):
    within = {"hu_p01": -1100.0, "hu_p05": -300.0, "dense_fraction": 0.2, "middle_hu": -900.0}
    beyond = {"hu_p01": -1100.5, "hu_p05": -299.5, "dense_fraction": 0.21, "middle_hu": -900.5}
    rows = [within, beyond, within | {"hu_p05": -299.5}]
    crops = tables.crops.reindex(range(len(rows))).assign(
        **{name: [row[name] for row in rows] for name in CROP_LIMITS}
    )

    found = frames(replace(tables, crops=crops))["crops"]

    assert set(CROP_LIMITS) <= set(CROPS.columns)
    assert found["odd"].tolist() == ["", ", ".join(CROP_LIMITS), "hu_p05"]


def test_what_is_checked_is_described_by_its_counts(tables):
    said = describe(tables, LabelParams())

    assert said["series"] == {"volume": 12}
    assert said["patients"] == 12
    assert said["nodules_by_readers"] == {"3": len(tables.nodules)}
    assert said["readings"] == 3 * said["nodules"]


def test_an_index_without_a_table_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match=r"series\.parquet"):
        read_index(tmp_path)
