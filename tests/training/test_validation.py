import math

import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from training_examples import make_classifier, make_data

from lungml.imaging.intensity import normalise
from lungml.training.validation import DivergedError, validate, validation_images


def test_it_measures_the_given_weights_in_evaluation_mode_as_scikit_learn_does():
    data, classifier, other = make_data(), make_classifier(seed=1), make_classifier(seed=2)
    other.eval()
    with torch.inference_mode():
        logits = other(normalise(torch.from_numpy(data.val.images_hu), data.normalisation)).double()
    malignant = logits.softmax(dim=1)[:, 1].numpy()
    labels = data.val.labels

    found = validate(classifier, other.state_dict(), validation_images(data), labels)

    share = labels.mean()
    expected = share * average_precision_score(labels, malignant) + (1 - share) * average_precision_score(
        1 - labels, 1 - malignant
    )
    assert found.weighted_auprc == pytest.approx(expected)
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, malignant > 0.5))
    assert found.loss == pytest.approx(
        -sum(math.log(p if label else 1 - p) for p, label in zip(malignant, labels, strict=True)) / 24
    )


def test_weights_without_bound_are_refused():
    classifier = make_classifier()
    weights = dict(classifier.state_dict())
    weights["head.bias"] = torch.tensor([math.inf, 0.0])
    data = make_data()

    with pytest.raises(DivergedError, match="Lower the learning rate"):
        validate(classifier, weights, validation_images(data), data.val.labels)
