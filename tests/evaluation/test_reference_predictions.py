"""Published predictions of LIDC classifiers, by patient and by random split (see the folder's README)."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from lungml.evaluation.metrics import measure
from lungml.evaluation.tally import check_cases

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "reference_predictions"
FILES = sorted(FOLDER.glob("*.npz"))

KINDS = ("nodule_patient", "slice_patient", "slice_random")

pytestmark = pytest.mark.skipif(not FILES, reason=f"{FOLDER} is not there")


def test_there_are_fifteen_files_of_each_kind():
    assert [len(paths(kind)) for kind in KINDS] == [15, 15, 15]


@pytest.mark.parametrize("kind", KINDS)
def test_every_metric_of_published_predictions_is_scikit_learns(kind):
    for path in paths(kind):
        cases = load(path)
        found = {name: measured.value for name, measured in measure(cases).items()}

        expected = by_scikit_learn(cases.labels, cases.probabilities, cases.predicted)

        assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12), path.name
        assert set(found) - set(expected) == {"calibration_slope", "calibration_intercept"}


def test_the_calibration_line_of_published_predictions_is_that_of_an_unpenalised_regression():
    for path in paths("nodule_patient"):
        cases = load(path)
        found = measure(cases)
        if not np.isfinite(cases.odds).all():
            # In float32 some answers are exactly 1, whose odds are infinite.
            assert found["calibration_slope"].value is None, path.name
            continue
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)

        slope = model.fit(cases.odds[:, None], cases.labels).coef_[0, 0]

        assert found["calibration_slope"].value == pytest.approx(slope, rel=1e-8), path.name
        shifted = expit(cases.odds + found["calibration_intercept"].value)
        assert shifted.sum() == pytest.approx(cases.labels.sum(), abs=1e-8), path.name


@pytest.mark.parametrize("network", ["densenet121", "efficientnet_b0", "vit_small"])
@pytest.mark.parametrize("name", ["weighted_auprc", "auroc", "mcc", "balanced_accuracy"])
def test_random_splits_of_slices_look_better_than_splits_by_patient(network, name):
    by_patient, at_random = (
        np.array([measure(load(path))[name].skill for path in paths(kind) if network in path.name])
        for kind in ("slice_patient", "slice_random")
    )

    assert at_random.min() > by_patient.max()
    assert at_random.mean() > by_patient.mean() + 0.1


def paths(kind):
    return [path for path in FILES if f"binary_{kind}_" in path.name]


def by_scikit_learn(labels, probabilities, predicted):
    areas = [sk.average_precision_score(labels == k, probabilities[:, k]) for k in (0, 1)]
    return {
        "weighted_auprc": np.average(areas, weights=np.bincount(labels)),
        "macro_auprc": np.mean(areas),
        "auprc_benign": areas[0],
        "auprc_malignant": areas[1],
        "auroc": sk.roc_auc_score(labels, probabilities[:, 1]),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted"),
        "f1_macro": sk.f1_score(labels, predicted, average="macro"),
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "mcc": sk.matthews_corrcoef(labels, predicted),
        "brier": 2 * sk.brier_score_loss(labels, probabilities[:, 1]),
    }


def load(path: Path):
    with np.load(path) as arrays:
        malignant = arrays["y_prob"].astype(np.float64)
        return check_cases(arrays["y_true"], np.column_stack([1 - malignant, malignant]))
