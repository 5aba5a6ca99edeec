"""Verdicts on networks of which it is known whether their maps can be trusted."""

import numpy as np
import planted_nodules as planted
import pytest
import torch
from scipy.stats import spearmanr

from lungml.explain.agreement import agreement, summarise
from lungml.explain.gradcam import enlarge, grad_cam
from lungml.explain.road import Road, road
from lungml.explain.sanity import Sanity, randomisation_check
from lungml.explain.trust import judge_maps

GOOD = Sanity({"all layers": 0.2}, 0.3, 0.1, gain=0.5, better_shuffles=0, shuffles=19)
FAITHFUL = Road(20, 0.3, 0.1, 0.2, 0.1, 0.3)


def judged(classifier, count=32):
    sample = planted.sample(classifier, count)
    return judge_maps(
        randomisation_check(classifier, sample, min_cells=1, seed=0),
        road(classifier, sample, min_cells=1, seed=0),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_maps_of_a_network_that_has_learnt_are_trusted(seed):
    assert judged(planted.trained(seed)).trusted is True


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_maps_of_a_network_that_has_learnt_permuted_labels_are_not_trusted(seed):
    assert judged(planted.trained(seed, permuted=True)).trusted is False


@pytest.mark.parametrize("seed", range(2))
def test_maps_of_random_weights_are_not_trusted(seed):
    verdict = judged(planted.untrained(seed), 12)

    assert verdict.label == "not trustworthy"
    assert "the model answers no better than a network without knowledge" in verdict.reasons


@pytest.mark.slow
def test_maps_of_a_network_that_has_learnt_lie_in_the_planted_nodule():
    classifier = planted.trained(0)
    sample = planted.sample(classifier, 80)
    found = (sample.labels == 1) & (sample.classes == 1)
    masks = planted.draw(80, 3)[2][found.numpy()]

    maps = grad_cam(classifier, sample.images[found], sample.classes[found], 1)

    large = enlarge(maps, masks.shape[1:]).numpy()
    summary = summarise([agreement(one, mask, 4.0) for one, mask in zip(large, masks, strict=True)])
    assert int(found.sum()) >= 38
    assert summary.energy_in_mask >= 0.5
    assert summary.energy_in_mask >= 3 * summary.area_share
    assert summary.pointing >= 0.8


@pytest.mark.slow
def test_maps_of_trainings_with_other_seeds_are_alike_and_peak_at_the_same_place():
    sample = planted.sample(planted.trained(0), 40)
    ill = sample.labels == 1
    ones = torch.ones(int(ill.sum()), dtype=torch.long)
    first, second, random = (
        grad_cam(network, sample.images[ill], ones, 1).numpy()
        for network in (planted.trained(0), planted.trained(1), planted.untrained(0))
    )

    assert alike(first, second) > alike(first, random) + 0.1
    assert alike(first, second) > alike(first, np.roll(second, 1, axis=0)) + 0.1
    assert np.median(peaks_apart(first, second)) <= 1  # of 16 cells


def alike(first, second):
    """Mean rank correlation of maps, pair by pair."""
    pairs = zip(first, second, strict=True)
    return np.mean([spearmanr(one.ravel(), other.ravel()).statistic for one, other in pairs])


def peaks_apart(first, second):
    """Cells between the highest points of each pair."""
    peaks = [
        np.array([np.unravel_index(one.argmax(), one.shape) for one in maps]) for maps in (first, second)
    ]
    return np.hypot(*(peaks[0] - peaks[1]).T)


def test_maps_are_trusted_if_every_check_holds():
    verdict = judge_maps(GOOD, FAITHFUL)

    assert (verdict.trusted, verdict.label, verdict.reasons) == (True, "", ())


def test_a_failed_check_is_named_even_if_another_cannot_be_made():
    fixed = Sanity({"all layers": 0.9}, 0.3, 0.1, gain=0.5, better_shuffles=0, shuffles=19)

    verdict = judge_maps(fixed, Road(0, None, None, None, None, None))

    assert verdict.trusted is False
    assert verdict.reasons == ("the maps hardly change when the weights are shuffled",)


def test_too_few_images_leave_it_open():
    verdict = judge_maps(GOOD, Road(8, 0.2, 0.1, 0.1, -0.1, 0.3))

    assert verdict.trusted is None
    assert verdict.label == "not shown to be trustworthy"
    assert "on 8 images" in verdict.reasons[0]


def test_phantom_masks_are_where_the_nodule_is_bright():
    images_hu, labels, masks = planted.draw(20, 0)

    inside = np.array(
        [image[0][mask].mean() for image, mask in zip(images_hu, masks, strict=True) if mask.any()]
    )
    assert masks.any(axis=(1, 2)).tolist() == (labels == 1).tolist()
    assert inside.min() > -150
