import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from training_examples import write_split

from lungml.evaluation.answers import labelled
from lungml.nested import Chosen, nested_estimate, outer_split
from lungml.splits import assign_folds
from lungml.tables import SPLIT, read_table
from lungml.terms import Target


@pytest.fixture
def split(tmp_path):
    return read_table(write_split(tmp_path), SPLIT)


@pytest.mark.parametrize("fold", range(3))
def test_an_outer_fold_is_the_test_part_of_what_was_train_and_validation(split, fold):
    known = split[split["part"] != "test"]

    found = outer_split(split, fold, Target.BINARY, seed=0)

    assert found["nodule_id"].tolist() == known["nodule_id"].tolist()
    outer = (known["fold"] == fold).to_numpy()
    assert (found["part"] == "test").tolist() == outer.tolist()
    assert found["part"][~outer].tolist() == known["part"][~outer].tolist()
    assert set(found["fold"][outer]) == {-1}
    assert set(found["fold"][~outer]) == {0, 1, 2}
    assert found[~outer].groupby("patient_id")["fold"].nunique().max() == 1
    assert not set(found["patient_id"][outer]) & set(found["patient_id"][~outer])


def answers_of(rows, malignant):
    both = list(np.stack([1 - malignant, malignant], axis=1))
    return rows.assign(probabilities=both, probabilities_tta=both)


def test_the_estimate_is_of_the_answers_to_all_outer_folds_beside_what_was_claimed(split):
    noise = np.random.default_rng(0)
    told = []

    def choose(fold, table):
        rows = labelled(table[table["part"] == "test"], Target.BINARY)
        told.append(answers_of(rows, (rows["label"].to_numpy() + noise.uniform(0, 2, len(rows))) / 3))
        return Chosen({"search": 0.9 + 0.01 * fold}, told[-1])

    found = nested_estimate(split, choose, Target.BINARY, seed=0)

    together = pd.concat(told)
    label, malignant = together["label"], np.stack(together["probabilities"])[:, 1]
    share = label.mean()
    expected = share * average_precision_score(label, malignant) + (1 - share) * average_precision_score(
        1 - label, 1 - malignant
    )
    assert found["nested"]["raw"]["weighted_auprc"]["value"] == pytest.approx(expected)
    assert sum(row["nodules"] for row in found["by_fold"]) == 46
    assert found["claims"]["search"] == pytest.approx(0.91)
    outer = np.mean([row["weighted_auprc"] for row in found["by_fold"]])
    assert found["optimism"]["search"] == pytest.approx(0.91 - outer)


MODELS, REPEATS = 24, 60


def equal_models(rng, nodules=240):
    """A split of patients with two nodules each, and how malignant 24 equally good models find them."""
    labels = np.tile([0, 0, 1, 1], nodules // 4)
    patients = np.array([f"p{number // 2:03}" for number in range(nodules)])
    table = pd.DataFrame(
        {
            "nodule_id": [f"n{number:03}" for number in range(nodules)],
            "patient_id": patients,
            "binary": labels,
        }
    )
    folds = assign_folds(patients, table[["binary"]], folds=5, seed=int(rng.integers(1 << 20)))
    part = np.where(rng.permutation(nodules // 2)[np.arange(nodules) // 2] < nodules // 8, "val", "train")
    logits = 1.6 * labels[:, None] - 0.8 + rng.normal(size=(nodules, MODELS))
    return table.assign(part=part, fold=folds), pd.DataFrame(
        1 / (1 + np.exp(-logits)), index=table["nodule_id"]
    )


def weighted_auprc(labels, malignant):
    """(models,) of answers (nodules, models) without ties."""
    found = 0.0
    for positive, scores in ((labels == 1, malignant), (labels == 0, -malignant)):
        ranked = positive[np.argsort(-scores, axis=0)]
        precision = np.cumsum(ranked, axis=0) / np.arange(1, len(ranked) + 1)[:, None]
        found = found + positive.mean() * (precision * ranked).sum(axis=0) / positive.sum()
    return found


def test_of_24_equal_models_the_best_looks_better_than_it_is_and_nested_folds_do_not_believe_it():
    """V07. Values are held against the mean of all 24 on the same nodules: what any of them is worth."""
    bias, optimism = [], []
    for repeat in range(REPEATS):
        split, answers = equal_models(np.random.default_rng([7, repeat]))

        def choose(_fold, table, answers=answers):
            val = table[table["part"] == "val"]
            scores = weighted_auprc(val["binary"].to_numpy(), answers.loc[val["nodule_id"]].to_numpy())
            rows = labelled(table[table["part"] == "test"], Target.BINARY)
            said = answers.loc[rows["nodule_id"], np.argmax(scores)].to_numpy()
            return Chosen({"search": scores.max()}, answers_of(rows, said))

        found = nested_estimate(split, choose, Target.BINARY, seed=repeat)
        worth = weighted_auprc(split["binary"].to_numpy(), answers.to_numpy()).mean()
        bias.append(found["nested"]["raw"]["weighted_auprc"]["value"] - worth)
        optimism.append(found["optimism"]["search"])

    assert abs(np.mean(bias)) <= 0.005
    assert np.mean(optimism) > 0.02
