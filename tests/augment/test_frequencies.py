"""What is drawn comes as often as was asked: within 2 % over at least 1,000 draws."""

import numpy as np
import pytest
import torch
from scipy.stats import beta

from lungml.augment.balance import draw_showings
from lungml.augment.geometric import draw_geometry
from lungml.augment.mixing import mix
from lungml.params.model import AugmentParams

DRAWS, OFF = 1000, 0.02
LABELS = np.repeat([0, 1, 2], [50, 20, 7])


def mean_showings(imbalance, lift=1.0):
    """How often each row is shown in an epoch, over many epochs."""
    shown = [
        np.bincount(draw_showings(LABELS, imbalance, lift=lift, seed=5, epoch=epoch).rows, minlength=77)
        for epoch in range(DRAWS)
    ]
    return np.mean(shown, axis=0)


@pytest.mark.parametrize(
    ("imbalance", "lift", "counts"),
    [
        ("none", 1.0, (50, 20, 7)),
        ("class-weights", 1.0, (50, 20, 7)),
        ("upsample", 1.0, (50, 50, 50)),
        ("upsample", 0.6, (50, 30, 30)),
        ("upsample", (64, 33, 25), (64, 33, 25)),
        ("balanced", 1.0, (26, 26, 25)),
    ],
)
def test_classes_are_shown_as_often_as_was_asked_and_no_row_of_one_more_than_another(imbalance, lift, counts):
    """A row is shown a whole number of times, and once more by chance."""
    means = mean_showings(imbalance, lift)

    for label, count in enumerate(counts):
        of_class = means[label == LABELS]
        assert of_class.sum() == pytest.approx(count, rel=OFF)
        chance = of_class.mean() % 1
        assert np.abs(of_class - of_class.mean()).max() <= 4 * np.sqrt(chance * (1 - chance) / DRAWS) + 1e-9


def drawn(**changes):
    """Of 1,000 epochs with 20 images each."""
    rows = np.arange(20)
    changes = [
        draw_geometry(AugmentParams(**changes), rows, np.zeros_like(rows), seed=5, epoch=epoch)
        for epoch in range(DRAWS)
    ]
    return {name: np.concatenate([vars(each)[name] for each in changes]) for name in vars(changes[0])}


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_images_are_flipped_as_often_as_was_asked_each_way_on_its_own(probability):
    found = drawn(flip_probability=probability)

    both = found["flip_x"] & found["flip_y"]
    assert found["flip_x"].mean() == pytest.approx(probability, abs=OFF)
    assert found["flip_y"].mean() == pytest.approx(probability, abs=OFF)
    assert both.mean() == pytest.approx(probability**2, abs=OFF)


@pytest.mark.parametrize(
    ("change", "asked", "middle", "width"),
    [
        ("angle_degrees", {"rotation_degrees": 15.0}, 0.0, 15.0),
        ("zoom", {"zoom": 0.2}, 1.0, 0.2),
        ("shift_x", {"shift_fraction": 0.1}, 0.0, 0.1),
        ("shift_y", {"shift_fraction": 0.1}, 0.0, 0.1),
    ],
)
def test_changes_are_spread_evenly_over_what_was_asked(change, asked, middle, width):
    values = (drawn(**asked)[change] - middle) / width

    shares, _ = np.histogram(values, bins=10, range=(-1, 1))
    assert np.abs(values).max() <= 1
    assert np.abs(shares / len(values) - 0.1).max() < OFF


def share_of_first(step, **alphas):
    """Share of the first of two images in their mix, and whether it is a cut."""
    images = torch.arange(2.0)[:, None, None, None].expand(2, 1, 64, 64)
    mixed, targets = mix(images, torch.eye(2), AugmentParams(**alphas), key=(5, 0, step))
    return float(targets[0, 0]), bool((mixed[0] == mixed[0].round()).all())


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_the_shares_of_mixup_follow_their_beta_distribution(alpha):
    shares = np.array([share_of_first(step, mixup_alpha=alpha)[0] for step in range(4 * DRAWS)])

    for quantile in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert (shares < beta(alpha, alpha).ppf(quantile)).mean() == pytest.approx(quantile, abs=OFF)


def test_with_both_kinds_of_mixing_each_comes_half_of_the_time():
    cuts = [share_of_first(step, mixup_alpha=1.0, cutmix_alpha=1.0)[1] for step in range(4 * DRAWS)]

    assert np.mean(cuts) == pytest.approx(0.5, abs=OFF)
