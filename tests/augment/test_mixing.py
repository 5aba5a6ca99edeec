import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from lungml.augment.mixing import mix
from lungml.params.model import AugmentParams

IMAGES = torch.arange(6.0)[:, None, None, None].expand(6, 1, 8, 8)
LABELS = torch.tensor([0, 1, 2, 0, 2, 1])  # partners (i and 5 - i) are of different classes


def mixed(images=IMAGES, labels=LABELS, key=(1, 0, 0), **alphas):
    return mix(images, one_hot(labels, 3).float(), AugmentParams(**alphas), key=key)


def test_soft_targets_are_mixed_by_the_same_share():
    soft = torch.tensor([[0.5, 0.5, 0.0]]).repeat(5, 1)
    targets = torch.cat([soft, torch.tensor([[0.0, 0.0, 1.0]])])

    images, mixed_targets = mix(IMAGES, targets, AugmentParams(mixup_alpha=1.0), key=(1, 0, 0))

    share = (images[0, 0, 0, 0] - 5) / -5  # of image 0; the rest is of image 5
    assert torch.allclose(mixed_targets[0], share * targets[0] + (1 - share) * targets[5], atol=1e-4)


def test_without_mixing_targets_are_the_labels():
    images, targets = mixed()

    assert torch.equal(images, IMAGES)
    assert torch.equal(targets.argmax(dim=1), LABELS)
    assert torch.equal(targets.sum(dim=1), torch.ones(6))


def test_mixup_mixes_target_and_image_by_the_same_share():
    """Image i holds the value i and its partner 5 - i, so the share can be read from both."""
    images, targets = mixed(mixup_alpha=1.0)

    for i in range(6):
        share = (images[i, 0, 0, 0] - (5 - i)) / (2 * i - 5)
        partner = LABELS[5 - i]
        expected = torch.zeros(3)
        expected[LABELS[i]] += share
        expected[partner] += 1 - share
        assert torch.allclose(targets[i], expected, atol=1e-4)
        assert 0 <= share <= 1


def test_cutmix_gives_the_partner_the_share_of_its_area():
    images, targets = mixed(cutmix_alpha=1.0, key=(1, 0, 3))

    for i in range(6):
        share = (images[i] == i).float().mean()
        assert torch.isclose(targets[i, LABELS[i]], share, atol=1e-4)
    assert set(images.unique().tolist()) <= set(range(6))
    assert not torch.equal(images, IMAGES)


def test_the_key_decides_the_mix_and_the_global_generator_is_left_alone():
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002

    first, again, later = (mixed(mixup_alpha=0.4, key=(1, 0, step))[0] for step in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert np.random.rand() == expected  # noqa: NPY002


@pytest.mark.parametrize("count", [1, 5])
def test_the_last_of_an_odd_batch_stays_as_it_is(count):
    images, targets = mixed(IMAGES[:count], LABELS[:count], mixup_alpha=1.0)

    assert torch.equal(images[-1], IMAGES[count - 1])
    assert targets[-1, LABELS[count - 1]] == 1


def test_the_images_that_came_in_are_not_changed():
    before = IMAGES.clone()

    mixed(mixup_alpha=1.0)

    assert torch.equal(IMAGES, before)
