"""Everything that needs Great Expectations, in one module, because importing it takes seconds."""

import json
import re
import socket
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from index_tables import make_index, write_index

from lungml.checks import engine, suites
from lungml.checks.frames import build_frames
from lungml.errors import ChecksFailedError, InputError
from lungml.files import sha256_file
from lungml.params.data import CheckParams, LabelParams
from lungml.params.scope import ScopeParams
from lungml.stages import validate

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
    Planted("series", "missing", "spacing_z_mm", NAN),
    Planted("series", "missing", "tissue_mode_hu", NAN),
    Planted("series", "spacing_y_mm", "spacing_y_mm", 0.1),
    Planted("series", "spacing_x_mm", "spacing_x_mm", 3.1),
    Planted("series", "spacing_z_mm", "spacing_z_mm", 7.5),
    Planted("series", "n_slices", "n_slices", 3),
    Planted("series", "hu_min", "hu_min", -5000.0),
    Planted("series", "hu_max", "hu_max", 40000.0),
    Planted("series", "hu_max, hu_min", "hu_max", -1024.0),
    Planted("series", "air_mode_hu", "air_mode_hu", 24.0, expected="most frequent"),
    Planted("series", "air_mode_hu", "air_mode_hu", NAN, expected="shows air"),
    Planted("series", "tissue_mode_hu", "tissue_mode_hu", 1064.0),
    Planted("series", "lung_mode_hu", "lung_mode_hu", NAN),
    Planted("series", "pixels_sha256", "pixels_sha256", "abc"),
    Planted("series", "manufacturer", "manufacturer", ""),
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
    Planted("nodules", "n_scores", "scores", []),
    Planted("nodules", "n_readers", "n_readers", 0, expected="a reader"),
    Planted("nodules", "n_readers", "n_readers", 5, expected="at most 4"),
    Planted("nodules", "diameter_mm", "diameter_mm", 0.4),
    Planted("nodules", "volume_mm3", "volume_mm3", 0.0),
    Planted("nodules", "series_known", "series_uid", "9.9"),
    Planted("nodules", "patient_matches", "patient_id", "patient-0030"),
    *(Planted("nodules", "inside_volume", column, value) for column, value in FAR.items()),
    Planted("nodules", "ambiguous", "ambiguous", True),
]
KEYS = {"series": "series_uid", "readings": "reading_id", "nodules": "nodule_id"}


@pytest.fixture(autouse=True, scope="module")
def no_network():
    def refuse(*_):
        raise AssertionError("something opened a connection")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield


def run_suite(name, tables, folder, params=None, labels=None):
    frame = build_frames(tables, labels or LabelParams())[name]
    suite = suites.SUITES[name]
    job = engine.Job(name, frame, suite.key, suite.expectations(params or CheckParams()))
    return engine.run_suites([job], folder)[name]


def failing(checks):
    return [check for check in checks if not check.success]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Name of a suite -> the keys of its faulty rows, fault by fault, and what its checks found."""
    return {name: plant_and_run(name, tmp_path_factory.mktemp(name)) for name in KEYS}


def plant_and_run(name, folder):
    tables = make_index(40)
    frame = getattr(tables, name)
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


@pytest.mark.parametrize("name", ["series", "readings", "nodules", "labels", "patients"])
def test_a_correct_index_passes_every_check(name, tmp_path):
    assert failing(run_suite(name, make_index(60), tmp_path)) == []


def test_two_series_with_one_image_are_both_named_and_a_warning(tmp_path):
    tables = make_index(40)
    tables.series.loc[3, "pixels_sha256"] = tables.series.loc[5, "pixels_sha256"]

    (check,) = failing(run_suite("series", tables, tmp_path))

    assert (check.column, check.rows, check.stops) == ("pixels_in_series", ["1.2.0003", "1.2.0005"], False)


@pytest.mark.parametrize("name", ["series", "nodules", "patients"])
def test_an_empty_table_fails(name, tmp_path):
    tables = make_index(40)
    for frame in (tables.series, tables.readings, tables.nodules):
        frame.drop(frame.index, inplace=True)

    found = failing(run_suite(name, tables, tmp_path))

    assert [(check.expectation, check.found) for check in found] == [
        ("expect_table_row_count_to_be_between", "0")
    ]


def test_a_rare_class_is_named(tmp_path):
    tables = make_index(60)
    high = tables.nodules["scores"].map(lambda scores: sum(scores) >= 13)
    tables.nodules.loc[high, "scores"] = tables.nodules.loc[high, "scores"].map(lambda _: [4, 4, 4])
    tables.nodules.at[0, "scores"] = [5, 5, 5]

    found = {check.column: check.rows for check in failing(run_suite("labels", tables, tmp_path))}

    assert found == {
        "share": ["five: 5 highly suspicious"],
        "patients": ["five: 5 highly suspicious"],
    }


def test_class_shares_are_those_of_the_label_policy(tmp_path):
    tables = make_index(60)
    strict = LabelParams(min_readers=4)

    found = failing(run_suite("labels", tables, tmp_path, labels=strict))

    assert {check.column: check.unexpected_count for check in found} == {"share": 7, "patients": 7}


def test_patients_are_checked_without_being_named(tmp_path):
    tables = make_index(40)
    tables.series.loc[0, "patient_id"] = ""
    tables.series.loc[2, "patient_id"] = tables.series.loc[1, "patient_id"]
    tables.series.loc[2, "sex"] = "M"
    tables.nodules.drop(tables.nodules.index[tables.nodules["series_uid"] == "1.2.0003"], inplace=True)

    found = {check.column: check.rows for check in failing(run_suite("patients", tables, tmp_path))}

    assert found["named"] == ["1.2.0000"]
    assert found["n_sexes"] == ["1.2.0001"]
    assert "1.2.0003" in found["n_nodules"]


def test_limits_come_from_the_parameters(tmp_path):
    tables = make_index(40)

    found = failing(run_suite("series", tables, tmp_path, CheckParams(slice_spacing_mm=(0.3, 2.0))))

    assert [(check.column, check.unexpected_count, len(check.rows)) for check in found] == [
        ("spacing_z_mm", 40, 20)
    ]


def run_stage(folder, tables, out="checked"):
    write_index(folder / "index", tables)
    validate.run(CheckParams(), LabelParams(), ScopeParams(), index=folder / "index", out=folder / out)


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Two runs of the stage, `one` and `two`, on tables with an error and a warning; and the error."""
    folder = tmp_path_factory.mktemp("failed")
    tables = make_index(40)
    tables.series.loc[3, "spacing_z_mm"] = 7.5
    tables.series.loc[4, "manufacturer"] = ""
    for out in ("one", "two"):
        with pytest.raises(ChecksFailedError) as caught:
            run_stage(folder, tables, out)
    return folder, caught.value


def test_a_sound_cohort_succeeds(tmp_path, capsys):
    run_stage(tmp_path, make_index(40))

    result = json.loads((tmp_path / "checked/result.json").read_text())
    assert result["success"] is True
    assert [suite["name"] for suite in result["suites"]] == list(suites.SUITES)
    assert "checks hold" in capsys.readouterr().err


def test_a_failed_check_stops_and_tells_the_row_and_where_to_look(failed):
    folder, error = failed

    assert re.search(r"series\.spacing_z_mm: .* \(7\.5\): 1\.2\.0003", str(error))
    assert str(folder / "two/data_docs/index.html") in str(error)
    assert "manufacturer" not in str(error)


def test_result_and_pages_of_a_failed_run_stay_and_name_the_row(failed):
    out = failed[0] / "one"

    (page,) = out.glob("data_docs/validations/series/**/*.html")

    assert json.loads((out / "result.json").read_text())["success"] is False
    assert "1.2.0003" in page.read_text()
    assert "1.2.0003" in (out / "data_docs/index.html").read_text()


def test_a_second_run_writes_the_same_bytes(failed):
    one, two = (
        {path.relative_to(failed[0] / out): sha256_file(path) for path in files_of(failed[0] / out)}
        for out in ("one", "two")
    )

    assert one == two


def test_pages_load_nothing_from_outside_and_their_links_lead_somewhere(failed):
    pages = [path for path in files_of(failed[0] / "one") if path.suffix == ".html"]

    assert len(pages) == 1 + 2 * len(suites.SUITES)
    for page in pages:
        links = Links()
        links.feed(page.read_text())
        assert links.loaded == []
        assert [href for href in links.followed if not (page.parent / href).resolve().is_file()] == []
        assert not re.search(r"url\(|@import|https?://", page.read_text())


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


class Links(HTMLParser):
    """What a page loads, and which files it links to."""

    def __init__(self):
        super().__init__()
        self.loaded, self.followed = [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "link" or "src" in values:
            self.loaded.append((tag, values))
        elif tag == "a" and not values.get("href", "#").startswith("#"):
            self.followed.append(values["href"])


def test_a_table_of_another_kind_is_refused(tmp_path):
    write_index(tmp_path / "index", make_index(12))
    (tmp_path / "index/series.parquet").replace(tmp_path / "index/nodules.parquet")
    write_index(tmp_path / "other", make_index(12))
    (tmp_path / "other/series.parquet").replace(tmp_path / "index/series.parquet")

    with pytest.raises(InputError, match="is not a nodules table"):
        validate.run(CheckParams(), LabelParams(), ScopeParams(), index=tmp_path / "index", out=tmp_path / "checked")


def test_limits_that_run_downwards_are_refused():
    with pytest.raises(ValueError, match=r"checks\.spacing_mm is \[3, 0\.3\]"):
        CheckParams(spacing_mm=(3.0, 0.3))
