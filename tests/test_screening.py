import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from lungml.errors import InputError
from lungml.params.model import ScreenParams
from lungml.screening import (
    Cell,
    Cohort,
    chance_levels,
    coarse_pixels,
    draw_folds,
    find_best,
    judge,
    ranking_stability,
    tied_with_best,
)

PARAMS = ScreenParams(folds=4, repeats=2, components=16)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # small matrices; as the stage does
        yield


def cohort(seed=0, patients=60, classes=2):
    rng = np.random.default_rng(seed)
    owner = np.repeat([f"P{i:03}" for i in range(patients)], 3)
    return Cohort(rng.integers(classes, size=len(owner)), owner, classes)


def informative(people, rng, strength, features=24):
    direction = rng.normal(size=features)
    noise = rng.normal(size=(len(people.labels), features))
    return noise + strength * people.labels[:, None] * direction / np.linalg.norm(direction)


def test_no_patient_is_on_both_sides_of_a_fold():
    people = cohort()

    folds = draw_folds(people, PARAMS)

    for repeat in folds:
        assert sorted(set(repeat)) == [0, 1, 2, 3]
        for patient in set(people.patients):
            assert len(set(repeat[people.patients == patient])) == 1
    assert not np.array_equal(folds[0], folds[1])


@pytest.mark.parametrize("seed", range(3))
def test_embeddings_that_only_know_the_patient_stay_at_chance(seed):
    people = cohort(seed)
    rng = np.random.default_rng(seed)
    _, owner = np.unique(people.patients, return_inverse=True)
    labels = rng.integers(2, size=owner.max() + 1)[owner]  # the same for all nodules of a patient
    people = Cohort(labels, people.patients, 2)
    fingerprint = rng.normal(size=(owner.max() + 1, 40))[owner] + 0.05 * rng.normal(size=(len(owner), 40))

    auprc = judge(fingerprint, people, draw_folds(people, PARAMS), PARAMS).metrics["weighted_auprc"]

    assert auprc.low < chance_levels(people)["weighted_auprc"] + 0.05 < 0.8
    assert auprc.value < 0.7


def test_value_is_the_mean_over_repeats_of_scikit_learns_average_precision():
    from sklearn.linear_model import LogisticRegression

    people = cohort()
    features = informative(people, np.random.default_rng(1), 1.5, features=1)
    folds = draw_folds(people, PARAMS)

    found = judge(features, people, folds, PARAMS).metrics["weighted_auprc"].value

    by_hand = []
    for fold_of in folds:
        probability = np.zeros(len(people.labels))
        for fold in range(4):
            fit, out = fold_of != fold, fold_of == fold
            scaled = (features - features[fit].mean()) / features[fit].std()
            probe = LogisticRegression(C=10.0, class_weight="balanced").fit(scaled[fit], people.labels[fit])
            probability[out] = probe.predict_proba(scaled[out])[:, 1]
        share = people.labels.mean()
        by_hand.append(
            share * average_precision_score(people.labels, probability)
            + (1 - share) * average_precision_score(1 - people.labels, 1 - probability)
        )
    assert found == pytest.approx(np.mean(by_hand), abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_better_embedding_is_found_and_a_worse_one_is_not_tied(seed):
    people = cohort(seed)
    rng = np.random.default_rng(seed)
    folds = draw_folds(people, PARAMS)
    features = {
        Cell("good", 1.0): informative(people, rng, 3.0),
        Cell("weak", 1.0): informative(people, rng, 0.8),
        Cell("blind", 1.0): informative(people, rng, 0.0),
    }

    verdicts = {cell: judge(values, people, folds, PARAMS) for cell, values in features.items()}

    assert find_best(verdicts).backbone == "good"
    assert tied_with_best(verdicts, PARAMS) == {Cell("good", 1.0)}


def test_equally_good_embeddings_are_called_tied():
    excluded = 0
    for seed in range(6):
        people = cohort(seed, patients=40)
        rng = np.random.default_rng(seed)
        folds = draw_folds(people, PARAMS)
        verdicts = {
            Cell(name, 1.0): judge(informative(people, rng, 1.5), people, folds, PARAMS) for name in "abcd"
        }
        excluded += 4 - len(tied_with_best(verdicts, PARAMS))

    assert excluded <= 1  # of 18 comparisons


def test_a_class_missing_from_a_training_fold_gets_probability_zero_there():
    people = cohort(classes=5)
    labels = people.labels.copy()
    labels[labels == 4] = 3
    labels[people.patients == "P000"] = 4  # the only patient with the last class
    people = Cohort(labels, people.patients, 5)

    found = judge(
        informative(people, np.random.default_rng(0), 2.0), people, draw_folds(people, PARAMS), PARAMS
    )

    assert 0 < found.metrics["weighted_auprc"].value < 1


def test_chance_of_weighted_auprc_is_the_sum_of_squared_shares():
    people = Cohort(np.array([0] * 6 + [1] * 2 + [2] * 2), np.array(list("abcdefghij")), 3)

    assert chance_levels(people) == pytest.approx({"weighted_auprc": 0.44, "balanced_accuracy": 1 / 3})


def test_an_interval_holds_its_value_and_stays_within_zero_and_one():
    people = cohort(patients=20)

    found = judge(
        informative(people, np.random.default_rng(0), 9.0), people, draw_folds(people, PARAMS), PARAMS
    )

    for interval in found.metrics.values():
        assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_fewer_patients_than_folds_is_refused_with_what_to_do():
    people = Cohort(np.array([0, 1, 0, 1]), np.array(["a", "b", "c", "c"]), 2)

    with pytest.raises(InputError, match=r"screen\.folds"):
        draw_folds(people, PARAMS)


def test_a_ranking_by_signal_is_steady_and_one_of_noise_is_not():
    people, rng = cohort(patients=80), np.random.default_rng(0)
    folds = draw_folds(people, PARAMS)
    strengths = {0.1: 0.3, 0.3: 1.0, 0.5: 2.0, 0.9: 4.0}
    by_signal, by_luck = (
        {
            Cell("net", depth): judge(informative(people, rng, on * strength), people, folds, PARAMS)
            for depth, strength in strengths.items()
        }
        for on in (1, 0)
    )

    steady, shaky = ranking_stability(by_signal), ranking_stability(by_luck)

    assert steady.tau_between_repeats == 1.0
    assert steady.tau_between_folds > 0.8
    assert shaky.tau_between_folds < 0.5
    assert steady.best_first_share > shaky.best_first_share


def test_the_stability_of_one_cell_is_not_defined():
    people = cohort()
    folds = draw_folds(people, PARAMS)
    only = judge(informative(people, np.random.default_rng(0), 1.0), people, folds, PARAMS)

    found = ranking_stability({Cell("net", 1.0): only})

    assert (found.tau_between_repeats, found.tau_between_folds, found.best_first_share) == (None, None, 1.0)


def test_coarse_pixels_are_means_over_fields_of_an_eighth():
    image = np.arange(16 * 16).reshape(1, 1, 16, 16).astype(np.int16)

    found = coarse_pixels(image)

    assert found.shape == (1, 64)
    assert found[0, 0] == np.mean([0, 1, 16, 17])
    assert found[0, 9] == image[0, 0, 2:4, 2:4].mean()


@pytest.mark.slow
def test_a_planted_better_backbone_is_first_in_nine_of_ten_seeds():
    def is_first(seed):
        people, rng = cohort(seed, patients=120), np.random.default_rng(seed)
        folds = draw_folds(people, PARAMS)
        strengths = {"better": 1.6, "good": 1.2, "fair": 0.9, "blind": 0.0}
        verdicts = {
            Cell(name, depth): judge(informative(people, rng, strength * depth), people, folds, PARAMS)
            for name, strength in strengths.items()
            for depth in (0.4, 0.7, 1.0)
        }
        return find_best(verdicts).backbone == "better"

    assert sum(is_first(seed) for seed in range(10)) >= 9
