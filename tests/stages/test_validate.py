"""The stage as a whole: its result, its pages, and what it says when it stops."""

import json
import re
from html.parser import HTMLParser

import pytest
from index_tables import make_index, write_index

from lungml.checks import suites
from lungml.errors import ChecksFailedError, InputError
from lungml.files import sha256_file
from lungml.labels import policy_sha256
from lungml.params.data import CheckParams, LabelParams
from lungml.params.scope import ScopeParams
from lungml.stages import validate


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

    assert re.search(r"images\.spacing_z_mm: .* \(7\.5\): 1\.2\.0003", str(error))
    assert str(folder / "two/data_docs/index.html") in str(error)
    assert "manufacturer" not in str(error)


def test_result_and_pages_of_a_failed_run_stay_and_name_the_row(failed):
    out = failed[0] / "one"

    (page,) = out.glob("data_docs/validations/images/**/*.html")

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
        validate.run(
            CheckParams(), LabelParams(), ScopeParams(), index=tmp_path / "index", out=tmp_path / "checked"
        )


def test_every_page_of_a_suite_introduces_it(failed):
    docs = failed[0] / "one/data_docs"

    for name, suite in suites.SUITES.items():
        (page,) = docs.glob(f"validations/{name}/**/*.html")
        assert suite.about in page.read_text()
        assert suite.about in (docs / f"expectations/{name}.html").read_text()
        assert suite.about in (docs / "index.html").read_text()


def test_the_first_page_tells_counts_readers_and_the_label_policy(failed):
    text = (failed[0] / "one/data_docs/index.html").read_text()
    nodules = len(make_index(40).nodules)

    assert f"{nodules} nodules with 3" in text
    assert "40 volume" in text
    assert f"hash {policy_sha256(LabelParams())[:8]}" in text


def test_targets_that_are_not_run_are_not_checked(tmp_path):
    tables = make_index(40)
    tables.nodules["scores"] = tables.nodules["scores"].map(
        lambda scores: [min(score, 4) for score in scores]
    )
    tables.readings["malignancy"] = tables.readings["malignancy"].clip(upper=4)
    write_index(tmp_path / "index", tables)
    binary = ScopeParams.model_validate({"tasks": {"nodule-binary": "nodule"}, "views": ["nodule"]})

    with pytest.raises(ChecksFailedError, match="five: 5 highly suspicious"):
        run_stage(tmp_path, tables)
    validate.run(CheckParams(), LabelParams(), binary, index=tmp_path / "index", out=tmp_path / "binary")

    assert json.loads((tmp_path / "binary/result.json").read_text())["success"] is True
