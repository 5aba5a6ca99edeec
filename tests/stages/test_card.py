import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from browser import needs_browser, shown
from card_files import write_cards
from report_files import edit_json, write_project
from ruamel.yaml import YAML

from lungml.errors import MissingInputError, ParamsError
from lungml.params.data import AcquireParams
from lungml.report.cards.cards import CHAPTERS, FACTS
from lungml.report.cards.checklists import CHECKLISTS, CLAIM_2024, TRIPOD_AI
from lungml.report.wording import RATING
from lungml.tables import NODULES, SERIES, read_table, write_table
from lungml.terms import Task

FILES = {"model_card.md", "model_card.html", "data_card.md", "data_card.html"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose stages before the cards are done; tests must not change it."""
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    return root


@pytest.fixture(scope="module")
def cards(finished):
    folder = write_cards(finished)
    return {name: (folder / name).read_text(encoding="utf-8") for name in FILES}


@pytest.fixture
def project(finished, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(finished, tmp_path / "project")


class Links(HTMLParser):
    """Every address in a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in {"href", "src"}]


def rows_of(card, checklist):
    """Number -> answer of each item, out of the Markdown."""
    block = card.split(f"## {checklist}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (\d+[a-h]?) \| (.*?) \| (.*) \|$", block, flags=re.MULTILINE)
    return {number: answer for number, _, answer in cells}


def test_the_checklists_have_the_items_of_the_guidelines():
    # TRIPOD+AI: 27 items, of which 3, 5, 6, 8, 9, 12, 18, 20, 23 and 27 have parts; CLAIM 2024: 44.
    assert len({item.number.rstrip("abcdefgh") for item in TRIPOD_AI}) == 27
    assert len(TRIPOD_AI) == 52
    assert [item.number for item in CLAIM_2024] == [str(number) for number in range(1, 45)]
    assert {name for items in CHECKLISTS.values() for item in items for name in item.facts} <= set(FACTS)
    assert {name for chapters in CHAPTERS.values() for names in chapters.values() for name in names} <= set(
        FACTS
    )


@pytest.mark.parametrize("checklist", CHECKLISTS)
def test_every_item_is_on_the_model_card_and_an_empty_one_is_said_to_be(cards, checklist):
    rows = rows_of(cards["model_card.md"], checklist)

    assert list(rows) == [item.number for item in CHECKLISTS[checklist]]
    for item in CHECKLISTS[checklist]:
        is_empty = rows[item.number] == "*not reported*"
        assert is_empty or (item.facts and "([evidence](" in rows[item.number])


def test_four_fifths_of_claim_are_answered_by_the_run_and_what_only_people_know_is_not(cards):
    card = cards["model_card.md"]
    empty = {
        name: {number for number, answer in rows_of(card, name).items() if "not reported" in answer}
        for name in CHECKLISTS
    }

    assert empty["CLAIM 2024"] == {"5", "15", "33", "34", "44"}
    assert empty["TRIPOD+AI"] == {
        *("3a", "3c", "5b", "6a", "6c", "8b", "8c", "9c", "14"),
        *("17", "18a", "18b", "18c", "18d", "18e", "19", "27c"),
    }


def test_every_answer_has_evidence_that_is_there(finished, cards):
    folder = finished / "reports/card/nodule-binary"
    for name in ("model_card.html", "data_card.html"):
        links = Links()
        links.feed(cards[name])

        missing = {link for link in links.found if not (folder / link).resolve().exists()}

        assert len(links.found) > 10
        assert missing == {"../../../params.yaml"}


def test_the_numbers_are_those_of_the_run(finished, cards):
    metrics = json.loads((finished / "reports/evaluate/nodule-binary/metrics.json").read_text())
    found = metrics["raw"]["weighted_auprc"]

    for name in ("model_card.md", "model_card.html"):
        assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in cards[name]
        assert f"{metrics['n']} test nodules of {metrics['patients']} patients" in cards[name]
        assert "c" * 12 in cards[name]


def test_hubs_can_read_the_head_of_the_model_card(cards, finished):
    metrics = json.loads((finished / "reports/evaluate/nodule-binary/metrics.json").read_text())
    head = YAML(typ="safe").load(cards["model_card.md"].split("---\n")[1])

    (model,) = head["model-index"]
    (result,) = model["results"]
    values = {each["type"]: each["value"] for each in result["metrics"]}
    assert model["name"] == "lungml-nodule-binary"
    assert values["auroc"] == pytest.approx(metrics["raw"]["auroc"]["value"], abs=1e-4)
    assert head["pipeline_tag"] == "image-classification"


def test_both_cards_begin_with_what_the_model_is_not_for(cards):
    for name in FILES:
        body = cards[name].split("<body>")[-1]
        assert body.index(RATING.split("'")[0]) < body.index("Limits")
        assert not re.search(r"(detect|diagnos|find)\w* (lung )?(cancer|malignan|disease)", body.lower())


def test_what_people_state_stands_on_its_item_and_nowhere_else(project):
    said = {"TRIPOD+AI 18a": "Funded by <b>nobody</b>.", "data card: Why these data": "They are public."}

    folder = write_cards(project, statements=said)

    model, data = ((folder / f"{name}.md").read_text() for name in ("model_card", "data_card"))
    assert "Funded by" in rows_of(model, "TRIPOD+AI")["18a"]
    assert rows_of(model, "CLAIM 2024")["44"] == "*not reported*"
    assert "They are public." in data
    assert "<b>" not in model + (folder / "model_card.html").read_text()


def test_a_statement_on_no_item_is_refused(project):
    with pytest.raises(ParamsError, match="'TRIPOD 18a', which is no item of TRIPOD"):
        write_cards(project, statements={"TRIPOD 18a": "Funded by nobody."})


def test_what_a_run_does_not_know_becomes_not_reported(project):
    path = project / "data/index/series.parquet"
    series = read_table(path, SERIES)
    write_table(path, series.assign(manufacturer="", sex="", age_years=float("nan")), SERIES)

    model = (
        write_cards(project, acquire=AcquireParams(source="idc", folder="/data")) / "model_card.md"
    ).read_text()

    rows = rows_of(model, "CLAIM 2024")
    assert rows["13"] == rows["11"] == "*not reported*"
    assert "Retrospective" in rows["5"]


def test_a_name_out_of_a_header_is_shown_and_not_run(project):
    path = project / "data/index/series.parquet"
    planted = "<script>alert(1)</script>[x](javascript:alert) | y"
    write_table(path, read_table(path, SERIES).assign(manufacturer=planted), SERIES)

    folder = write_cards(project)

    text = "".join((folder / name).read_text() for name in FILES)
    assert "<script>" not in text
    markdown = "".join((folder / name).read_text() for name in FILES if name.endswith(".md"))
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    assert "javascript:alert" in text


def test_a_missing_file_is_named(project):
    (project / "models/nodule-binary/bundle.json").unlink()

    with pytest.raises(MissingInputError, match=r"bundle\.json"):
        write_cards(project)


def test_equal_runs_give_equal_bytes(project, cards):
    folder = write_cards(project)

    assert {name: (folder / name).read_text() for name in FILES} == cards


def test_a_negative_control_says_so(project):
    bundle = project / "models/nodule-binary/bundle.json"
    edit_json(bundle, labels=json.loads(bundle.read_text())["labels"] | {"permute_seed": 1})

    assert "The labels were shuffled" in (write_cards(project) / "model_card.md").read_text()


@pytest.mark.parametrize("task", Task)
def test_every_task_has_cards(project, task):
    assert {path.name for path in write_cards(project, task).iterdir()} == FILES


@needs_browser
@pytest.mark.parametrize("width_px", [390, 1200])
@pytest.mark.parametrize("name", ["model_card.html", "data_card.html"])
def test_a_browser_shows_a_card_without_sideways_scrolling_or_any_request(cards, tmp_path, name, width_px):
    seen = shown(cards[name], tmp_path, width_px)

    assert seen["width"] <= width_px
    assert seen["requests"] == []


def test_without_pictures_or_diameters_the_items_say_less(project):
    path = project / "data/index/nodules.parquet"
    write_table(path, read_table(path, NODULES).assign(diameter_mm=float("nan")), NODULES)
    (project / "reports/explain/nodule-binary/gallery.png").unlink()

    rows = rows_of((write_cards(project) / "model_card.md").read_text(), "CLAIM 2024")

    assert rows["39"] == "*not reported*"
    assert "test: no diameter known" in rows["36"]
