from report_files import edit_json
from report_pages import text_of, write_report

from lungml.report.variants import variants_of


def cell(value):
    return {"value": value, "low": value - 0.125, "high": value + 0.125}


def training(*metrics, unchanged="plain"):
    plain = {"tta": {name: cell(0.5) for name in metrics}}
    wide = {
        "tta": {name: cell(0.625) for name in metrics},
        "tta_minus_unchanged": {name: cell(0.125) for name in metrics},
    }
    return {"unchanged": unchanged, "by_variant": {"plain": plain, "wide": wide}}


def test_each_variant_has_the_headline_and_of_five_classes_the_kappa_beside_it():
    five = variants_of(training("weighted_auprc", "auroc", "qwk"))
    binary = variants_of(training("weighted_auprc", "auroc"))

    assert five.metrics == ["weighted_auprc", "qwk"]
    assert binary.metrics == ["weighted_auprc", "auroc"]
    (_, plain), (name, wide) = five.rows
    assert (name, wide[0][0]["value"], wide[0][1]["low"]) == ("wide", 0.625, 0.0)
    assert plain[0][1]["value"] is None


def test_a_model_of_one_variant_has_no_such_table():
    assert variants_of({"epochs": 3}) is None
    assert variants_of(None) is None


def test_the_report_shows_the_variants_with_what_each_changes(project, page):
    path = project / "reports/finetune/nodule-five/summary.json"
    edit_json(path, **training("weighted_auprc", "qwk"))

    section = write_report(project).split('<section id="nodule-five"')[1].split("</section>")[0]

    rows = section.split("Each variant alone")[1].split("</table>")[0].split("<tr>")
    assert "minus plain" in text_of(rows[1])
    assert "0.625" in text_of(rows[-1])
    assert "+0.125" in text_of(rows[-1])
    assert "Each variant alone" not in page
