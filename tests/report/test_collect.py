"""What the report needs of the stages, and what it can do without."""

import json
import shutil

import pytest
from report_pages import text_of, write_report

from lungml.errors import InputError, MissingInputError


def test_an_evaluation_without_its_baselines_makes_no_report(project):
    path = project / "reports/evaluate/nodule-five/metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["baselines_seen"]
    path.write_text(json.dumps(metrics))

    with pytest.raises(InputError, match="lacks baselines_seen"):
        write_report(project)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("outliers", "No outlier scores are there; run `dvc repro outliers`."),
        ("screen", "No screening was done; `dvc repro screen` does it."),
        ("tune", "No hyper-parameters were searched; `dvc repro tune` does it."),
        ("finetune", "There is no record of the training; `dvc repro finetune` writes it."),
        ("explain", "No Grad-CAM++ maps are there; `dvc repro explain` draws them."),
        ("register", "Not registered: there is no record; run `dvc repro register`."),
    ],
)
def test_an_optional_part_that_is_missing_is_said_to_be(project, gone, sentence):
    shutil.rmtree(project / "reports" / gone)

    assert sentence in text_of(write_report(project))


@pytest.mark.parametrize(
    "gone",
    [
        "data/index/summary.json",
        "data/split.parquet",
        "reports/split/excluded.json",
        "reports/validate/result.json",
        "reports/audit/result.json",
        "reports/evaluate",
    ],
)
def test_a_needed_part_that_is_missing_stops_the_report(project, gone):
    path = project / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(MissingInputError, match="dvc repro"):
        write_report(project)
