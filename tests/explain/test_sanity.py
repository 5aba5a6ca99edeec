import torch
from torch import nn

from lungml.explain.sanity import Sanity, randomisation_check
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.params.model import WeightsParams


def test_shuffled_weights_change_the_maps_and_the_model_is_left_as_it_was():
    classifier, images, classes = setting()
    before = {name: value.clone() for name, value in classifier.state_dict().items()}

    found = randomisation_check(classifier, images, classes, min_cells=4, seed=0)

    assert list(found.similarity) == ["head", "head and last half", "all layers"]
    assert all(-1 <= value < 0.99 for value in found.similarity.values())
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())


def test_the_check_is_the_same_for_the_same_seed():
    classifier, images, classes = setting()

    first, again, other = (
        randomisation_check(classifier, images, classes, min_cells=4, seed=seed) for seed in (0, 0, 1)
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

    head = nn.Linear(1, 2)
    nn.init.ones_(head.weight)
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    found = randomisation_check(
        Classifier(Brightness(), head), images, torch.zeros(4, dtype=torch.long), min_cells=1, seed=0
    )

    assert found.similarity["all layers"] > 0.99
    assert found.passed is False


def test_maps_of_one_cell_can_neither_pass_nor_fail():
    assert Sanity({"all layers": None}, None).passed is None
    assert Sanity({"all layers": 0.1}, 0.5).passed is True


def setting():
    network = build_backbone("resnet10t", in_channels=1, weights=WeightsParams(seed=3))
    images = torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = nn.Linear(embedding_size(network), 2)
    return Classifier(network, head).eval(), images, torch.tensor([0, 1, 0, 1])
