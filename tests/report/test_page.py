"""The page of the report: what it says first, what it shows of each task, and that it asks for nothing."""

import json
import re

import pytest
from browser import needs_browser, shown
from report_files import edit_json
from report_pages import references, text_of, write_report

from lungml.params.data import LabelParams
from lungml.report import wording
from lungml.terms import Task


def test_the_page_refers_to_nothing_but_itself_and_the_data_docs_beside_it(page):
    found = references(page)

    outside = [where for where in found.addresses if not where.startswith(("data:image/png;base64,", "#"))]
    assert outside == ["validate/data_docs/index.html", "outliers/slice.html", "outliers/nodule.html"]
    assert {where[1:] for where in found.addresses if where.startswith("#")} <= found.ids
    assert "script" not in found.tags
    assert "url(" not in page
    assert "@import" not in page


def test_the_cards_are_linked_where_they_are_and_missed_where_they_are_not(project, page):
    assert "No model card and no data card are there" in text_of(page)
    for name in ("model_card.html", "data_card.html"):
        path = project / "reports/card/nodule-five" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<html></html>")

    found = references(write_report(project)).addresses

    links = [where for where in found if where.startswith("card/")]
    assert links == ["card/nodule-five/model_card.html", "card/nodule-five/data_card.html"]


def test_the_first_words_warn(page):
    body = text_of(page.split("<body>")[1]).strip()

    assert body.startswith(f"{wording.PHANTOM} {wording.RANDOM} {wording.RATING}")


def test_the_page_never_claims_to_find_a_disease(page):
    words = text_of(page).lower()

    assert "readers' malignancy rating" in words
    assert not re.search(r"(detect|diagnos|find)\w* (lung )?(cancer|malignan|disease)", words)
    assert words.count("cancer") == words.count("never cancer")


def test_every_number_of_the_headline_is_there_with_interval_chance_and_diameter(page, finished_project):
    text = text_of(page)

    for task in Task:
        metrics = json.loads((finished_project / f"reports/evaluate/{task}/metrics.json").read_text())
        found = metrics["raw"]["weighted_auprc"]
        assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in text
        assert wording.verdict(metrics) in text
        for number in (found["chance"], metrics["baselines"]["diameter"]["weighted_auprc"]["value"]):
            assert wording.number(number) in text


def test_the_long_table_is_folded_away_and_has_every_metric(page):
    short, long = page.split("<details>")[0], page.split("<details>")[1].split("</details>")[0]

    assert "Calibration slope" in text_of(long)
    assert "Calibration slope" not in text_of(short)
    assert page.count("<details>") == len(Task)


def test_equal_inputs_give_equal_bytes(page, project):
    assert write_report(project) == page


def test_text_from_outside_is_shown_not_run(project):
    planted = '<script>alert("1")</script>'
    edit_json(project / "reports/register/nodule-five.json", registered_model=planted)

    page = write_report(project, title=f"<b>{planted}</b>")

    assert "script" not in references(page).tags
    assert planted in text_of(page)


def test_the_estimate_of_a_cross_validation_stands_beside_the_test_part(project, page):
    cell = {"value": 0.8123, "low": 0.7123, "high": 0.8823, "chance": 0.6, "skill": 0.5}
    estimate = {part: {"auroc": cell, "weighted_auprc": cell} for part in ("raw", "tta")}
    path = project / "reports/finetune/nodule-binary/summary.json"
    edit_json(path, cross_validated=estimate, fit="folds", members=5, folds=5)

    section = write_report(project).split('<section id="nodule-binary"')[1].split("</section>")[0]

    assert "0.812" in text_of(section)
    assert "0.712" in text_of(section)
    assert "members that saw no nodule of its patient" in text_of(section)
    summary = json.loads((project / "reports/summary.json").read_text())
    assert summary["nodule-binary"]["cross_validated_auroc"] == 0.8123
    assert "<th>cross-validated</th>" not in page


def test_shuffled_labels_are_announced_first(project):
    page = write_report(project, labels=LabelParams(permute_seed=1))

    assert text_of(page.split("<body>")[1]).strip().startswith(wording.PERMUTED)


def test_a_metric_that_is_not_defined_is_called_so(project):
    path = project / "reports/evaluate/nodule-five/metrics.json"
    raw = json.loads(path.read_text())["raw"]
    edit_json(path, raw={**raw, "auroc": dict.fromkeys(raw["auroc"])})

    assert f"AUROC {wording.NOT_DEFINED}" in text_of(write_report(project))


def test_what_the_gate_said_of_a_challenger_stands_beside_its_version(project, page):
    said = "refused: version 2 minus champion 1 on 40 shared test nodules"
    edit_json(project / "reports/register/nodule-five.json", version=2, aliases=["challenger"], gate=said)

    assert "Gate:" not in text_of(page)
    assert f"version 2 (challenger). Gate: {said}." in text_of(write_report(project))


def test_how_many_nodules_are_excluded_and_why_is_said_also_when_there_are_none(page, project):
    edit_json(project / "reports/split/excluded.json", n=3, kinds={"blank": {"train": 2, "test": 1}})

    assert text_of(page).count("No nodule is excluded.") == 2
    sentence = "3 nodules are excluded by the reviewed list: blank (2 of train, 1 of test)."
    assert text_of(write_report(project)).count(sentence) == 2


def test_how_stable_neighbours_are_is_told_where_it_is_known(page, project):
    path = project / "reports/screen/nodule-five/ranking.json"
    cells = json.loads(path.read_text())["cells"]
    assert "nearest neighbours stay" not in text_of(page)

    edit_json(path, cells=[cells[0] | {"neighbours_kept": 0.62}, *cells[1:]])

    assert "62% of its ten nearest neighbours stay" in text_of(write_report(project))


def test_what_says_how_far_to_trust_a_task_is_in_its_section(page, project):
    text = text_of(page)
    assert (
        text.count("How far this can be trusted") == text.count("The test part was opened once") == len(Task)
    )

    (project / "reports/evaluate/nodule-five/trust.json").unlink()

    assert "Nothing says how far these numbers can be trusted" in text_of(write_report(project))


@needs_browser
@pytest.mark.parametrize("width_px", [390, 1200])
def test_a_browser_shows_it_without_sideways_scrolling_or_any_request(page, tmp_path, width_px):
    found = shown(page, tmp_path, width_px)

    assert found["width"] <= width_px
    assert found["requests"] == []
    assert found["images"] == found["drawn"] > 20


def test_of_the_maps_only_the_gallery_is_in_the_page(page, finished_project):
    assert (finished_project / "reports/explain/nodule-five/case_01.png").is_file()
    assert "nodule crop, five-point score: gallery" in page.lower()
    assert "case 01" not in page
