"""Faults planted one by one into tables: the check that must name the row."""

from dataclasses import dataclass

import pytest
from contract_runs import failing, run_suite
from index_tables import make_index

from lungml.checks import suites
from lungml.params.data import CheckParams

NAN = float("nan")
FAR = {"z_index": 100.0, "y_index": -1.0, "x_index": 256.0, "largest_z_index": 100}


@dataclass(frozen=True, eq=False)
class Planted:
    """A value put into one row of a table, and the check that must name that row, or `named`."""

    suite: str
    check: str
    column: str
    value: object
    named: str = ""
    expected: str = ""


FAULTS = [
    Planted("series", "series_uid", "series_uid", "1.2.0000", "1.2.0000"),
    Planted("series", "form", "form", "scan"),
    Planted("series", "planes", "n_slices", 3),
    Planted("series", "pixels_sha256", "pixels_sha256", "abc"),
    Planted("series", "manufacturer", "manufacturer", ""),
    Planted("images", "missing", "spacing_z_mm", NAN),
    Planted("images", "missing", "tissue_mode_hu", NAN),
    Planted("images", "spacing_y_mm", "spacing_y_mm", 0.1),
    Planted("images", "spacing_x_mm", "spacing_x_mm", 3.1),
    Planted("images", "spacing_z_mm", "spacing_z_mm", 7.5),
    Planted("images", "hu_min", "hu_min", -5000.0),
    Planted("images", "hu_max", "hu_max", 40000.0),
    Planted("images", "hu_max, hu_min", "hu_max", -1024.0),
    Planted("images", "air_mode_hu", "air_mode_hu", 24.0),
    Planted("images", "without_air", "air_mode_hu", NAN),
    Planted("images", "shift", "hu_p01", 24.0),
    Planted("images", "shift", "hu_p01", -2048.0),
    Planted("images", "padding_fraction", "padding_fraction", 0.8),
    Planted("images", "tissue_mode_hu", "tissue_mode_hu", 1064.0),
    Planted("images", "without_lung", "lung_mode_hu", NAN),
    Planted("readings", "reading_id", "reading_id", "nodule-00000-0", "nodule-00000-0"),
    Planted("readings", "kind", "kind", "mass"),
    Planted("readings", "reader", "reader", -1),
    Planted("readings", "off_scale", "texture", 6),
    Planted("readings", "off_scale", "internal_structure", 5),
    Planted("readings", "series_known", "series_uid", "9.9"),
    Planted("readings", "patient_matches", "patient_id", "patient-0030"),
    Planted("readings", "nodule_fits", "nodule_id", "nodule-99999"),
    Planted("readings", "nodule_fits", "kind", "small"),
    Planted("readings", "nodule_fits", "series_uid", "1.2.0030"),
    Planted("readings", "diameter_of_nodule_mm", "diameter_mm", 400.0),
    Planted("readings", "malignancy_given", "malignancy", 0),
    Planted("nodules", "nodule_id", "nodule_id", "nodule-00000", "nodule-00000"),
    Planted("nodules", "missing", "volume_mm3", NAN),
    Planted("nodules", "lowest_score", "scores", [0, 3]),
    Planted("nodules", "highest_score", "scores", [3, 6]),
    Planted("nodules", "without_diameter", "diameter_mm", NAN),
    Planted("nodules", "label", "label", 2),
    Planted("nodules", "unlabelled", "scores", []),
    Planted("readers", "n_readers", "n_readers", 0, expected="a reader"),
    Planted("readers", "n_readers", "n_readers", 5, expected="at most 4"),
    Planted("readers", "readings_match", "n_readers", 2),
    Planted("readers", "scores_match", "scores", [1, 1, 5]),
    Planted("nodules", "diameter_mm", "diameter_mm", 0.4),
    Planted("nodules", "volume_mm3", "volume_mm3", 0.0),
    Planted("nodules", "series_known", "series_uid", "9.9"),
    Planted("nodules", "patient_matches", "patient_id", "patient-0030"),
    *(Planted("nodules", "inside_volume", column, value) for column, value in FAR.items()),
    Planted("nodules", "ambiguous", "ambiguous", True),
]
TABLES = {
    "series": "series",
    "images": "series",
    "readings": "readings",
    "nodules": "nodules",
    "readers": "nodules",
}
KEYS = {name: suites.SUITES[name].key for name in TABLES}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Name of a suite -> the keys of its faulty rows, fault by fault, and what its checks found."""
    return {name: plant_and_run(name, tmp_path_factory.mktemp(name)) for name in KEYS}


def plant_and_run(name, folder):
    tables = make_index(40)
    frame = getattr(tables, TABLES[name])
    keys = {}
    for row, fault in enumerate((fault for fault in FAULTS if fault.suite == name), start=1):
        keys[fault] = fault.named or frame[KEYS[name]].iloc[row]
        frame.at[row, fault.column] = fault.value
    return keys, failing(run_suite(name, tables, folder))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.check} {fault.column}={fault.value}")
def test_a_planted_fault_fails_its_check_which_names_its_row_and_no_sound_one(fault, faulty):
    keys, found = faulty[fault.suite]

    (rows,) = (
        check.rows for check in found if check.column == fault.check and fault.expected in check.expected
    )

    assert keys[fault] in rows
    assert set(rows) <= set(keys.values())


def test_every_column_check_has_a_planted_fault():
    planted = {(fault.suite, fault.check) for fault in FAULTS}
    elsewhere = {("series", "pixels_in_series")}
    contract = {
        (name, ", ".join(columns))
        for name in KEYS
        for expectation in suites.SUITES[name].expectations(CheckParams())
        if (columns := columns_of(expectation))
    }

    assert contract == planted | elsewhere


def columns_of(expectation):
    names = ("column", "column_A", "column_B")
    return [getattr(expectation, name) for name in names if hasattr(expectation, name)]


@pytest.mark.parametrize("name", suites.SUITES)
def test_a_correct_index_passes_every_check(name, tmp_path):
    assert failing(run_suite(name, make_index(60), tmp_path)) == []


@pytest.mark.parametrize("form", ["slice", "crop"])
@pytest.mark.parametrize("name", ["series", "images", "nodules"])
def test_what_only_a_volume_has_is_not_asked_of_slices_and_crops(name, form, tmp_path):
    tables = make_index(20)
    tables.series["form"] = form
    tables.series["n_slices"] = 1
    tables.series[["spacing_z_mm", "spacing_y_mm", "spacing_x_mm", "tissue_mode_hu"]] = NAN
    tables.nodules[["volume_mm3", "z_index", "y_index", "x_index"]] = NAN
    if form == "crop":
        tables.series[["air_mode_hu", "lung_mode_hu"]] = NAN
        tables.series[["hu_p01", "hu_p50"]] = [-20.0, 40.0]  # all tissue

    assert failing(run_suite(name, tables, tmp_path)) == []


@pytest.mark.parametrize("shift", [-1024.0, 1024.0])
def test_a_shifted_crop_is_named(shift, tmp_path):
    tables = make_index(20)
    tables.series["form"] = "crop"
    tables.series.loc[3, ["hu_p01", "hu_p50"]] += shift * 1.5

    (check,) = failing(run_suite("images", tables, tmp_path))

    assert (check.column, check.rows) == ("shift", ["1.2.0003"])


def test_nodules_with_a_given_label_need_no_scores(tmp_path):
    tables = make_index(20)
    tables.nodules["label"] = 1
    tables.nodules["scores"] = [[] for _ in tables.nodules.index]

    assert failing(run_suite("nodules", tables, tmp_path)) == []
