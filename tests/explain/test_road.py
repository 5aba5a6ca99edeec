import numpy as np
import pytest
import torch
from torch import nn

from lungml.explain.road import Road, road
from lungml.explain.sanity import Sample
from lungml.models.classifier import Classifier


class Bright(nn.Module):
    """Two maps: the image, whose mean decides, and one that is bright elsewhere and counts for nothing."""

    num_features = 2
    feature_info = ({"module": "", "reduction": 1},)

    def forward_features(self, images):
        return torch.cat([images.clamp(min=0), images.flip(3).clamp(min=0)], dim=1)

    def forward_head(self, maps):
        return maps.mean(dim=(2, 3))

    def forward(self, images):
        return self.forward_head(self.forward_features(images))


def setting(weight=200.0):
    """Class 1 where there is a bright square; all images have one, left of the middle."""
    images = torch.zeros(12, 1, 24, 24)
    for number, image in enumerate(images[:, 0]):
        image[4 + number % 8 : 10 + number % 8, 3:9] = 1.0
    head = nn.Linear(2, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0, 0.0], [weight, 0.0]]))
        head.bias.copy_(torch.tensor([0.0, -weight / 50]))
    ones = torch.ones(12, dtype=torch.long)
    return Classifier(Bright(), head).eval(), Sample(images, ones, ones)


def test_maps_of_what_decides_do_better_than_random_maps():
    found = road(*setting(), min_cells=1, seed=0)

    assert found.faithful is True
    assert found.maps > found.random
    assert found.low < found.difference < found.high
    assert found.difference == pytest.approx(found.maps - found.random)


def test_random_maps_are_the_same_for_the_same_seed_and_torchs_generator_is_left_alone():
    classifier, sample = setting()
    state = torch.random.get_rng_state()

    first, again, other = (road(classifier, sample, min_cells=1, seed=seed) for seed in (0, 0, 1))

    assert first == again
    assert first != other
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_answer_that_hangs_on_nothing_leaves_the_maps_empty_and_the_score_open():
    found = road(*setting(weight=0.0), min_cells=1, seed=0)

    assert found.faithful is None
    assert found.n == 0
    assert found.maps is None


@pytest.mark.parametrize(
    ("low", "high", "faithful"), [(0.1, 0.3, True), (-0.3, -0.1, False), (-0.1, 0.3, None)]
)
def test_only_an_interval_without_zero_decides(low, high, faithful):
    assert Road(9, 0.2, 0.1, np.mean([low, high]), low, high).faithful is faithful
