"""Published predictions of LIDC classifiers, by patient and by random split (see the folder's README)."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from lungml.evaluation.metrics import measure
from lungml.evaluation.tally import check_cases

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "reference_predictions"
FILES = sorted(FOLDER.glob("*.npz"))

pytestmark = pytest.mark.skipif(not FILES, reason=f"{FOLDER} is not there")


def test_metrics_of_published_predictions_are_scikit_learns():
    for path in FILES:
        cases = load(path)
        found = measure(cases)
        share = cases.labels.mean()
        expected = share * sk.average_precision_score(cases.labels, cases.probabilities[:, 1]) + (
            1 - share
        ) * sk.average_precision_score(1 - cases.labels, cases.probabilities[:, 0])
        assert found["weighted_auprc"].value == pytest.approx(expected, abs=1e-12), path.name
        assert found["auroc"].value == pytest.approx(
            sk.roc_auc_score(cases.labels, cases.probabilities[:, 1]), abs=1e-12
        ), path.name
        assert found["mcc"].value == pytest.approx(sk.matthews_corrcoef(cases.labels, cases.predicted))


@pytest.mark.parametrize("network", ["densenet121", "efficientnet_b0", "vit_small"])
def test_random_splits_of_slices_look_better_than_splits_by_patient(network):
    by_patient, at_random = (
        [
            measure(load(path))["weighted_auprc"].skill
            for path in FILES
            if f"slice_{split}" in path.name and network in path.name
        ]
        for split in ("patient", "random")
    )

    assert np.mean(at_random) > np.mean(by_patient) + 0.1


def load(path: Path):
    with np.load(path) as arrays:
        malignant = arrays["y_prob"].astype(np.float64)
        return check_cases(arrays["y_true"], np.column_stack([1 - malignant, malignant]))
