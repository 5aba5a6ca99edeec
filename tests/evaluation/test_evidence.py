import pytest
from small_cohort import write_cohort

from lungml.evaluation.evidence import FACTS, gather_evidence
from lungml.params.data import LabelParams
from lungml.tables import SPLIT, read_table
from lungml.terms import Task


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    cohort = write_cohort(tmp_path_factory.mktemp("cohort"))
    rows = read_table(cohort.split, SPLIT).rename(columns={"binary": "label"})
    shuffled = rows[rows["part"] != "train"].sample(frac=1, random_state=0)
    answers = shuffled[["nodule_id", "patient_id", "part", "label"]]
    predicted = answers.assign(probabilities=[[0.4, 0.6]] * len(answers), probabilities_tta=None)
    evidence = gather_evidence(
        predicted, cohort.index, cohort.diagnoses, task=Task.NODULE_BINARY, labels=LabelParams()
    )
    return rows, evidence


def test_rows_of_test_are_judged_and_all_others_may_be_fitted_on(gathered):
    rows, evidence = gathered

    assert evidence.test.rows["nodule_id"].tolist() == sorted(rows.loc[rows["part"] == "test", "nodule_id"])
    assert set(evidence.known.rows["part"]) == {"val"}


def test_facts_about_the_nodules_are_in_the_order_of_the_answers(gathered):
    _, evidence = gathered

    assert evidence.nodules["nodule_id"].tolist() == evidence.test.rows["nodule_id"].tolist()
    assert {*FACTS, "diameter_mm", "n_readers", "scores"} <= set(evidence.nodules.columns)
    assert set(evidence.readings["nodule_id"]) >= set(evidence.nodules["nodule_id"])
    assert evidence.diagnoses.empty


def test_malignant_is_the_second_of_two_classes(gathered):
    _, evidence = gathered

    assert evidence.test.suspicion.score == pytest.approx(0.6)
    assert evidence.test.suspicion.malignant.sum() == evidence.test.rows["label"].sum()
