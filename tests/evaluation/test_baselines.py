import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lungml.evaluation.baselines import BASELINES
from lungml.evaluation.metrics import measure
from lungml.evaluation.tally import check_cases


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("classes", [2, 5])
def test_every_baseline_gives_each_new_nodule_a_distribution_over_the_classes(name, classes):
    known, new = draw(0, classes=classes), draw(1, classes=classes)

    probabilities = BASELINES[name](known, new, classes)

    assert probabilities.shape == (len(new), classes)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert (probabilities >= 0).all()


@pytest.mark.parametrize("name", ["majority", "prevalence"])
def test_what_does_not_look_at_the_nodule_has_no_skill(name):
    known, new = draw(0, classes=5), draw(1, classes=5)

    found = measure(check_cases(new["label"], BASELINES[name](known, new, 5)))

    assert {metric: result.skill for metric, result in found.items()} == pytest.approx(
        dict.fromkeys(found, 0.0)
    )


def test_prevalence_answers_with_the_shares_it_knows():
    known = pd.DataFrame({"label": [0, 0, 0, 1], "diameter_mm": [5.0, 6.0, 7.0, 20.0]})

    assert BASELINES["prevalence"](known, known[:1], 2).tolist() == [[0.75, 0.25]]
    assert BASELINES["majority"](known, known[:1], 2).tolist() == [[1.0, 0.0]]


def test_diameter_ranks_two_classes_as_the_diameter_itself_does():
    known, new = draw(0, classes=2), draw(1, classes=2)

    malignant = BASELINES["diameter"](known, new, 2)[:, 1]

    assert roc_auc_score(new["label"], malignant) == roc_auc_score(new["label"], new["diameter_mm"])
    assert roc_auc_score(new["label"], malignant) > 0.7


def test_diameter_depends_on_ratios_of_size_not_on_the_unit():
    known, new = draw(0, classes=5), draw(1, classes=5)
    in_inches = [nodules.assign(diameter_mm=nodules["diameter_mm"] / 25.4) for nodules in (known, new)]

    assert BASELINES["diameter"](*in_inches, 5) == pytest.approx(
        BASELINES["diameter"](known, new, 5), abs=1e-6
    )


def test_the_labels_of_new_nodules_are_not_looked_at():
    known, new = draw(0, classes=2), draw(1, classes=2)

    for name, baseline in BASELINES.items():
        assert (baseline(known, new, 2) == baseline(known, new.drop(columns="label"), 2)).all(), name


def test_a_class_that_is_not_known_gets_probability_0():
    known = draw(0, classes=5).query("label != 4")

    assert (BASELINES["diameter"](known, draw(1, classes=5), 5)[:, 4] == 0).all()


def draw(seed: int, *, classes: int) -> pd.DataFrame:
    """150 nodules, the malignant ones larger on average."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, size=150, p={2: (0.7, 0.3), 5: (0.1, 0.2, 0.45, 0.15, 0.1)}[classes])
    diameter_mm = np.exp(2 + labels / (classes - 1) + 0.5 * rng.normal(size=150))
    return pd.DataFrame({"label": labels, "diameter_mm": diameter_mm})


def test_without_any_diameter_size_says_no_more_than_the_class_shares():
    known = pd.DataFrame({"label": [0, 0, 0, 1], "diameter_mm": np.nan})

    found = BASELINES["diameter"](known, known.head(2), 2)

    assert found == pytest.approx(np.tile([0.75, 0.25], (2, 1)), abs=1e-3)


def test_a_nodule_without_diameter_counts_as_one_of_the_usual_size():
    known = pd.DataFrame({"label": [0, 0, 1, 1, 0, 1], "diameter_mm": [4.0, 5.0, 20.0, 25.0, 10.0, 10.0]})
    new = pd.DataFrame({"diameter_mm": [np.nan, 10.0]})

    unknown, usual = BASELINES["diameter"](known, new, 2)

    assert unknown == pytest.approx(usual)
