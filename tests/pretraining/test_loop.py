from dataclasses import replace

import numpy as np
import pytest
import torch
from training_examples import TinyBackbone
from unlabelled_images import PARAMS, make_unlabelled

from lungml.errors import InterruptedRunError, ModelError
from lungml.imaging.intensity import normalise
from lungml.pretraining.loop import pretrain
from lungml.training.checkpoint import Checkpoints
from lungml.training.determinism import seeded

DATA = make_unlabelled(40)
LONG = PARAMS.model_copy(update={"epochs": 24})


def backbone(seed=0):
    with seeded(seed):
        return TinyBackbone()


def train(params=PARAMS, **options):
    network = backbone()
    records = list(pretrain(network, DATA, params, **options))
    return network, records


@pytest.fixture(scope="module")
def long():
    return train(LONG)


def test_the_loss_goes_down(long):
    losses = [record.loss for record in long[1]]

    assert [record.epoch for record in long[1]] == list(range(1, 25))
    assert losses[-1] < 0.7 * losses[0]


def test_the_loss_is_the_weighted_sum_of_its_terms(long):
    for record in long[1]:
        expected = 25 * record.invariance + 25 * record.variance + record.covariance
        assert record.loss == pytest.approx(expected, rel=1e-5)


def test_embeddings_do_not_collapse(long):
    network, records = long
    images = torch.from_numpy(DATA.images_hu)
    with torch.inference_mode():
        vectors = network(normalise(images, DATA.normalisation))

    assert records[-1].deviation > 0.5
    spread = vectors.std(dim=0) / vectors.abs().mean()
    assert (spread > 0.05).sum() >= 4  # of 8; ReLU may leave a dimension dead
    assert torch.linalg.matrix_rank(vectors - vectors.mean(dim=0)) >= 4


def test_without_the_variance_term_embeddings_do_collapse():
    """What the term is for: the same training without it ends with a constant answer."""
    without = LONG.model_copy(update={"loss": LONG.loss.model_copy(update={"variance": 0.0})})

    _, records = train(without)

    assert records[-1].deviation < 0.1


def test_the_same_seed_gives_the_same_bytes_whatever_the_generator_did_before():
    torch.manual_seed(1)
    first = train()[0].state_dict()
    torch.manual_seed(2)
    np.random.default_rng(0)
    again = train()[0].state_dict()

    assert all(torch.equal(first[name], again[name]) for name in first)


def test_another_seed_gives_other_weights():
    first = train()[0].state_dict()
    other = train(PARAMS.model_copy(update={"seed": 4}))[0].state_dict()

    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("steps", [2, 5, 8])
def test_a_training_stopped_after_any_step_goes_on_to_the_same_bytes(steps, tmp_path):
    """Five steps are an epoch, so the second of these stops at an epoch's end."""
    asked = iter([False] * (steps - 1) + [True] * 99)
    checkpoints = Checkpoints(tmp_path / "work", "fingerprint")
    with pytest.raises(InterruptedRunError, match="on request in epoch"):
        train(checkpoints=checkpoints, stop_asked=lambda: next(asked))

    resumed, records = train(checkpoints=checkpoints)

    whole, expected = train()
    assert [record.lasting() for record in records] == [record.lasting() for record in expected]
    before, after = whole.state_dict(), resumed.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_loss_that_is_not_a_number_names_the_nodules():
    broken = replace(DATA, normalisation=replace(DATA.normalisation, stds=(float("nan"),)))

    with pytest.raises(ModelError, match=r"nan in epoch 1, step 1\. .*n0\d\d.*pretrain\.learning_rate"):
        list(pretrain(backbone(), broken, PARAMS))


def test_bfloat16_steps_end_near_those_of_float32():
    half = PARAMS.model_copy(update={"precision": "bfloat16"})

    losses = [train(params)[1][-1].loss for params in (PARAMS, half)]

    assert losses[1] == pytest.approx(losses[0], rel=0.15)
    assert losses[1] != losses[0]
