import numpy as np
import pytest
from small_cohort import make_bundle, write_cohort

from lungml.bundle import predict
from lungml.errors import InputError
from lungml.evaluation.answers import answer, labelled
from lungml.evaluation.tta import predict_tta
from lungml.imaging.store import read_store
from lungml.tables import SPLIT, read_table
from lungml.terms import Target


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"))


def test_nodules_that_the_label_policy_left_out_are_not_asked_about(cohort):
    split = read_table(cohort.split, SPLIT).iloc[::-1]
    split.loc[split["five"] == 2, "binary"] = -1

    rows = labelled(split, Target.BINARY)

    assert rows["nodule_id"].tolist() == sorted(split.loc[split["five"] != 2, "nodule_id"])
    assert set(rows["label"]) == {0, 1}
    assert list(rows) == ["nodule_id", "patient_id", "part", "label"]


def test_each_nodule_gets_the_answer_about_its_own_view_whatever_their_order(cohort):
    model, store = make_bundle(cohort), read_store(cohort.views)
    rows = labelled(read_table(cohort.split, SPLIT), Target.BINARY).iloc[[40, 3, 77]]

    found = answer(model, store, rows)

    assert found["nodule_id"].tolist() == ["n040", "n003", "n077"]
    images_hu = np.stack([store.images_hu[number] for number in (40, 3, 77)])
    assert np.stack(found["probabilities"]) == pytest.approx(predict(model, images_hu), abs=1e-7)
    assert np.stack(found["probabilities_tta"]) == pytest.approx(predict_tta(model, images_hu), abs=1e-7)


def test_a_nodule_without_a_view_is_named(cohort):
    rows = labelled(read_table(cohort.split, SPLIT), Target.BINARY).head(2)

    with pytest.raises(InputError, match="n999"):
        answer(make_bundle(cohort), read_store(cohort.views), rows.assign(nodule_id=["n000", "n999"]))
