import pytest

from lungml.evaluation.caveats import metadata_warning
from lungml.evaluation.summary import summary_lines

CELL = {"value": 0.87654, "low": 0.8, "high": 0.92, "chance": 0.634, "skill": 0.663}
METRICS = {
    "task": "nodule-binary",
    "n": 237,
    "patients": 90,
    "confidence": 0.95,
    "weights": "pretrained",
    "raw": {"weighted_auprc": CELL, "mcc": dict.fromkeys(CELL)},
    "tta": {"weighted_auprc": CELL, "mcc": dict.fromkeys(CELL)},
    "baselines": {"diameter": {"weighted_auprc": CELL, "mcc": dict.fromkeys(CELL)}},
    "model_minus_diameter": {
        "weighted_auprc": {"value": -0.0001, "low": -0.03, "high": 0.03},
        "mcc": dict.fromkeys(CELL),
    },
    "metadata_tell_the_label": False,
    "comparisons": {
        "metric": "weighted_auprc",
        "rows": {"diameter": {"value": -0.0001, "low": -0.03, "high": 0.03, "words": "no difference shown"}},
    },
}


def test_the_table_gives_value_interval_chance_and_difference_in_one_row():
    head, words, headline, *_ = summary_lines(METRICS)

    assert "237 test nodules of 90 patients, intervals 95%" in head
    assert words.split()[:5] == ["metric", "model", "chance", "skill", "tta"]
    expected = "weighted_auprc 0.877 (0.800 to 0.920) 0.634 0.663 0.877 0.877 0.000 (-0.030 to 0.030)"
    assert " ".join(headline.split()) == expected


def test_what_is_not_defined_is_called_none():
    undefined = summary_lines(METRICS)[3]

    assert undefined.split()[:5] == ["mcc", "none", "(none", "to", "none)"]
    assert "nan" not in undefined


def test_each_baseline_has_a_line_with_what_may_be_said():
    said = summary_lines(METRICS)[-1]

    assert said == "  weighted_auprc, model - diameter: 0.000 (-0.030 to 0.030), no difference shown"


@pytest.mark.parametrize(("low", "words"), [(0.62, "row tell the label"), (0.45, "row might tell (these")])
def test_metadata_that_tell_the_label_are_told_of_as_in_the_report(low, words):
    area = {"value": 0.71, "low": low, "high": 0.79}
    baselines = METRICS["baselines"] | {"metadata": {"auroc": area}}
    told = METRICS | {"baselines": baselines, "metadata_tell_the_label": True}

    said = summary_lines(told)[-1]

    assert words in said
    assert said.strip() == metadata_warning(area)
    assert not any("metadata" in line for line in summary_lines(METRICS))


def test_it_claims_no_more_than_the_readers_rating():
    text = "\n".join(summary_lines(METRICS))

    assert "predicts the readers' rating" in text
    assert "cancer" not in text
    assert "random" not in text
    assert "random weights" in summary_lines(METRICS | {"weights": "random"})[-1]
