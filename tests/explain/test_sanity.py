import numpy as np
import planted_nodules as planted
import pytest
import torch
from torch import nn

from lungml.explain.sanity import Sample, Sanity, randomisation_check
from lungml.models.classifier import Classifier


def test_shuffled_weights_change_the_maps_and_the_model_is_left_as_it_was():
    classifier, sample = setting()
    before = {name: value.clone() for name, value in classifier.state_dict().items()}

    found = randomisation_check(classifier, sample, min_cells=1, seed=0)

    assert list(found.similarity) == ["head", "head and last half", "all layers"]
    assert all(-1 <= value < 0.99 for value in found.similarity.values())
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())


def test_the_check_is_the_same_for_the_same_seed():
    classifier, sample = setting()

    first, again, other = (
        randomisation_check(classifier, sample, min_cells=1, seed=seed) for seed in (0, 0, 1)
    )

    assert first == again
    assert first != other


def test_maps_that_ignore_the_weights_fail_the_check():
    class Brightness(nn.Module):
        """Its features are the image itself, so its maps are too; it has no weights to destroy."""

        num_features = 1
        feature_info = ({"module": "", "reduction": 1},)

        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(1, 1)

        def group_matcher(self):
            return {"stem": r"^unused", "blocks": []}

        def forward_features(self, images):
            return images.clone()

        def forward_head(self, maps):
            return maps.mean(dim=(2, 3))

        def forward(self, images):
            return self.forward_head(images)

    head = nn.Linear(1, 2)
    nn.init.ones_(head.weight)
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    zeros = torch.zeros(4, dtype=torch.long)
    found = randomisation_check(
        Classifier(Brightness(), head), Sample(images, zeros, torch.tensor([0, 1, 0, 1])), min_cells=1, seed=0
    )

    assert found.similarity["all layers"] > 0.99
    assert found.maps_change is False


def sanity(destroyed, *, other_images=0.0, between_shuffles=0.0, gain=0.5, better_shuffles=0):
    return Sanity(
        {"all layers": destroyed}, other_images, between_shuffles, gain, better_shuffles, shuffles=19
    )


@pytest.mark.parametrize(
    ("found", "change"),
    [
        (sanity(None), None),
        (sanity(0.05), True),
        (sanity(0.2), False),
        (sanity(0.2, other_images=0.3), True),
        (sanity(0.5, between_shuffles=0.7), True),
        (sanity(0.8, between_shuffles=0.7), False),
    ],
)
def test_maps_change_if_they_are_no_more_alike_than_maps_that_know_nothing_of_each_other(found, change):
    assert found.maps_change is change


@pytest.mark.parametrize(("gain", "better", "knows"), [(0.3, 0, True), (0.3, 1, False), (0.001, 0, False)])
def test_a_model_knows_something_if_it_beats_even_answers_and_every_shuffle(gain, better, knows):
    assert sanity(0.0, gain=gain, better_shuffles=better).knows is knows


def test_an_answer_that_is_right_but_too_sure_is_not_taken_for_ignorance():
    """Nine of ten right, each with a logit of 50: a cross-entropy of 5, but 0.5 if it were softer."""

    class Oracle(nn.Module):
        """The image is the answer."""

        num_features = 2
        feature_info = ({"module": "", "reduction": 1},)

        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(1, 1)

        def group_matcher(self):
            return {"stem": r"^unused", "blocks": []}

        def forward_features(self, images):
            return images.clone()

        def forward_head(self, maps):
            return maps.mean(dim=(2, 3))

        def forward(self, images):
            return self.forward_head(images)

    labels = torch.arange(20) % 2
    answers = torch.where(torch.arange(20) < 2, 1 - labels, labels)
    images = 50 * nn.functional.one_hot(answers)[:, :, None, None].float().expand(20, 2, 4, 4)

    found = randomisation_check(
        Classifier(Oracle(), nn.Identity()), Sample(images, answers, labels), min_cells=1, seed=0
    )

    assert found.gain == pytest.approx(1 - 0.33 / np.log(2), abs=0.05)


def setting():
    return planted.untrained(0), planted.sample(planted.untrained(0), 4)
