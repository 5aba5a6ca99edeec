import pytest

from lungml.evaluation.baselines import BASELINES
from lungml.evaluation.metrics import METRICS
from lungml.report import wording
from lungml.report.beside import beside
from lungml.report.published import SEED_STUDY
from lungml.terms import Task

CELL = {"value": 0.8, "low": 0.7, "high": 0.9, "chance": 0.6, "skill": 0.5}
ROW = {
    "value": 0.1,
    "low": 0.02,
    "high": 0.18,
    "p": 0.01,
    "p_corrected": 0.03,
    "words": "better",
    "delong": None,
}
SMALLEST = {"smallest": 0.043}
ABSENT = {"frozen_features": "the backbones have random weights (weights.source)"}
METRICS_JSON = {
    "raw": {"weighted_auprc": CELL, "auroc": CELL, "brier": CELL},
    "tta": {"weighted_auprc": CELL},
    "baselines": {name: {"weighted_auprc": CELL, "auroc": CELL} for name in BASELINES if name not in ABSENT},
    "baselines_seen": {"notes": {"random_features": "resnet10t, 60% of its layers"}, "absent": ABSENT},
    "comparisons": {
        "primary": "diameter",
        "replicates": 2000,
        "power": 0.8,
        "rows": {name: ROW | SMALLEST for name in BASELINES if name not in ABSENT},
    },
    "metadata_tell_the_label": False,
}


def test_every_metric_and_every_baseline_has_a_name_in_the_report():
    assert set(wording.METRIC_NAMES) == set(METRICS)
    assert list(wording.BASELINE_NAMES) == list(BASELINES)


def test_every_baseline_has_a_row_also_one_that_cannot_be_had_here():
    table = beside(Task.NODULE_BINARY, METRICS_JSON)

    rows = {row.name: row for row in table.rows}
    assert {title for title, _ in wording.BASELINE_NAMES.values()} <= set(rows)
    absent = rows["Pretrained features, frozen"]
    assert (absent.kind, absent.words) == ("absent", "")
    assert "not to be had here: the backbones have random weights" in absent.note
    assert "resnet10t, 60% of its layers" in rows["Random features"].note
    assert rows["Diameter alone"].words == "model better"


@pytest.mark.parametrize("task", Task)
def test_the_seed_study_stands_apart_with_its_own_chance_and_number_of_nodules(task):
    last = beside(task, METRICS_JSON).rows[-1]

    assert last.kind == "published"
    assert "other data, other split" in last.name
    assert "237 nodules" in last.note
    assert last.cells[0]["value"] == SEED_STUDY[task].raw
    assert all(cell["value"] is None for cell in last.cells[1:])
    assert last.words == ""


def test_published_figures_are_those_of_the_study():
    figures = {task.value: (study.raw, study.tta, study.chance) for task, study in SEED_STUDY.items()}

    assert figures == {
        "nodule-binary": (0.877, 0.883, 0.634),
        "slice-binary": (0.805, 0.825, 0.634),
        "nodule-five": (0.549, 0.556, 0.297),
        "slice-five": (0.407, 0.419, 0.297),
    }


def test_no_difference_is_said_in_these_words_and_the_smallest_that_could_be_shown_is_named():
    rows = METRICS_JSON["comparisons"]["rows"]
    unsure = {
        **METRICS_JSON["comparisons"],
        "rows": {**rows, "diameter": rows["diameter"] | {"words": "no difference shown"}},
    }

    table = beside(Task.NODULE_BINARY, {**METRICS_JSON, "comparisons": unsure})

    assert {row.name: row.words for row in table.rows}["Diameter alone"] == "no difference shown"
    assert "a gain over diameter alone of 0.043 or more is shown with a chance of 80%" in table.notes[1]
    assert "allow for their being 7 (Holm)" in table.notes[0]


def test_metadata_that_tell_the_label_are_warned_of():
    metadata = {"weighted_auprc": CELL, "auroc": {**CELL, "value": 0.71, "low": 0.62, "high": 0.79}}
    found = {**METRICS_JSON, "baselines": {**METRICS_JSON["baselines"], "metadata": metadata}}

    assert beside(Task.NODULE_BINARY, found).warning == ""
    warning = beside(Task.NODULE_BINARY, {**found, "metadata_tell_the_label": True}).warning
    assert "metadata alone reach an AUROC of 0.710 (0.620 to 0.790)" in warning
    assert "row tell the label" in warning


def test_metadata_that_may_be_guessing_are_not_said_to_tell_the_label():
    metadata = {"weighted_auprc": CELL, "auroc": {**CELL, "value": 0.61, "low": 0.45, "high": 0.75}}
    baselines = {**METRICS_JSON["baselines"], "metadata": metadata}
    found = {**METRICS_JSON, "baselines": baselines, "metadata_tell_the_label": True}

    assert "might tell (these patients are too few to say)" in beside(Task.NODULE_BINARY, found).warning


def test_too_few_patients_are_said_to_be_so():
    rows = METRICS_JSON["comparisons"]["rows"]
    few = {**METRICS_JSON["comparisons"], "rows": {**rows, "diameter": {**ROW, "smallest": None}}}

    assert wording.power(few) == "Too few patients to say which difference could be shown."
