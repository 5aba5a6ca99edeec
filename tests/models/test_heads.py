from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lungml.errors import ParamsError
from lungml.imaging.intensity import fit_normalisation, normalise
from lungml.models.heads import HEADS, build_head, set_dropout
from lungml.params.data import IntensityParams
from lungml.params.model import AugmentParams, RecipeParams, WeightsParams
from lungml.training.assembly import build_classifier
from lungml.training.data import Examples, TrainingData
from lungml.training.loop import Settings, train


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("classes", [2, 5])
def test_a_head_gives_one_logit_a_class(name, classes):
    assert build_head(name, 64, classes)(torch.zeros(3, 64)).shape == (3, classes)


def test_the_mlp_has_the_seed_studys_hidden_layers_and_dropout():
    head = build_head("mlp", 64, 5)

    assert [layer.out_features for layer in head.modules() if isinstance(layer, nn.Linear)] == [256, 128, 5]
    assert sum(isinstance(layer, nn.Dropout) for layer in head.modules()) == 2


@pytest.mark.parametrize("name", HEADS)
def test_in_training_the_heads_with_dropout_leave_out_the_share_that_was_set(name):
    head = build_head(name, 64, 5)
    set_dropout(head, 0.9)
    layers = [layer for layer in head.modules() if isinstance(layer, nn.Dropout)]

    assert len(layers) == {"dropout": 1, "mlp": 2}.get(name, 0)
    for layer in layers:
        assert float((layer(torch.ones(100_000)) == 0).double().mean()) == pytest.approx(0.9, abs=0.01)


def test_embeddings_of_any_scale_are_alike_to_the_head_with_a_norm():
    head, features = build_head("norm", 16, 5), torch.randn(8, 16)

    assert torch.allclose(head(100 * features + 7), head(features), atol=1e-4)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_stays_finite_for_features_of_any_size(name):
    head = build_head(name, 16, 5).eval()
    features = 1000 * torch.randn(200, 16, generator=torch.Generator().manual_seed(0))

    loss = torch.nn.functional.cross_entropy(head(features), torch.arange(200) % 5)
    loss.backward()

    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


ORDINAL = ["ordinal", "corn"]


@pytest.mark.parametrize("name", ORDINAL)
def test_ordinal_heads_give_logarithms_of_probabilities_that_sum_to_one(name):
    shares = build_head(name, 16, 5)(torch.randn(500, 16)).exp().sum(dim=1)

    assert torch.allclose(shares, torch.ones(500), atol=1e-5)


class IndependentThresholds(nn.Linear):
    """What an ordinal head must not be: a sigmoid of its own for every k, which nothing holds in order."""

    def __init__(self, in_features, classes):
        super().__init__(in_features, classes - 1)

    def log_above(self, features):
        return nn.functional.logsigmoid(self(features))


def any_answers(build):
    """100,000 answers P(y > k) of ten heads with random weights, and what these answer as classes."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(10):
        head = build(8, 5)
        for parameter in head.parameters():
            parameter.data = 3 * torch.randn(parameter.shape, generator=generator)
        features = torch.randn(10_000, 8, generator=generator)
        with torch.inference_mode():
            yield head.log_above(features).double().exp(), head(features).double()


def violations(build):
    """Answers by which it is likelier to be above a class than above the one before it."""
    return sum(int((above.diff(dim=1) > 0).any(dim=1).sum()) for above, _ in any_answers(build))


@pytest.mark.parametrize("name", ORDINAL)
def test_the_share_above_a_class_never_grows_with_the_class(name):
    """Rank consistency: 0 violations in 100,000 answers, for weights of any kind."""
    assert violations(HEADS[name]) == 0


def test_thresholds_that_know_nothing_of_each_other_do_not_keep_the_order():
    """So the count of violations can find some: four numbers in random order fall in 1 of 24 cases."""
    assert violations(IndependentThresholds) == pytest.approx(100_000 * 23 / 24, rel=0.05)


@pytest.mark.parametrize("name", ORDINAL)
def test_the_class_probabilities_add_up_to_the_share_above_each_class(name):
    for above, answers in any_answers(HEADS[name]):
        found = answers.exp()[:, 1:].flip(1).cumsum(dim=1).flip(1)
        assert torch.allclose(found, above, atol=1e-5)


def test_the_cumulative_link_is_the_difference_of_two_sigmoids():
    head = build_head("ordinal", 4, 3)
    features = torch.randn(6, 4)

    score, (low, high) = head.score(features)[:, 0], head.thresholds()
    expected = torch.stack(
        [
            torch.sigmoid(low - score),
            torch.sigmoid(score - low) - torch.sigmoid(score - high),
            torch.sigmoid(score - high),
        ],
        dim=1,
    )

    assert high > low
    assert torch.allclose(head(features).exp(), expected, atol=1e-6)


def test_corn_multiplies_what_it_takes_to_get_there():
    head = build_head("corn", 4, 3)
    features = torch.randn(6, 4)

    first, second = torch.sigmoid(head.steps(features)).T
    expected = torch.stack([1 - first, first * (1 - second), first * second], dim=1)

    assert torch.allclose(head(features).exp(), expected, atol=1e-6)


@pytest.mark.parametrize("name", ORDINAL)
def test_on_ordered_classes_an_ordinal_head_is_no_further_off_than_softmax(name):
    """On features: classes are five slices of one hidden direction plus noise; few examples, ten cohorts."""

    def mean_distance(kind, seed):
        generator = torch.Generator().manual_seed(seed)
        features = torch.randn(4300, 24, generator=generator)
        hidden = features[:, 0] + 0.3 * torch.randn(4300, generator=generator)
        labels = torch.bucketize(hidden, torch.tensor([-1.2, -0.4, 0.4, 1.2]))
        torch.manual_seed(seed)
        head = build_head(kind, 24, 5)
        optimizer = torch.optim.LBFGS(head.parameters(), max_iter=60)

        def closure():
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(head(features[:300]), labels[:300])
            loss.backward()
            return loss

        optimizer.step(closure)
        with torch.inference_mode():
            return float((head(features[300:]).argmax(dim=1) - labels[300:]).abs().double().mean())

    found, softmax = (sum(mean_distance(kind, seed) for seed in range(10)) for kind in (name, "linear"))
    assert found <= 1.01 * softmax


SIDE_PX = 32


def graded_images(count, seed):
    """Discs in lung of any size and nearly any place; each grade is 120 HU brighter, give or take 72."""
    generator = np.random.default_rng(seed)
    grades = np.arange(count) % 5
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX] - (SIDE_PX - 1) / 2
    down, right = generator.uniform(-2, 2, (2, count, 1, 1))
    disc = np.hypot(rows - down, columns - right) < generator.uniform(5, 9, (count, 1, 1))
    brightness = 200 + 120 * (grades + 0.6 * generator.normal(size=count))
    images_hu = generator.normal(-850, 60, disc.shape) + disc * brightness[:, None, None]
    ids = tuple(f"n{number:03}" for number in range(count))
    return Examples(ids, images_hu[:, None].astype(np.int16), grades.astype(np.int64), 5)


def grades_off(head, seed):
    """Mean distance, on 400 new images, of a head trained on what a network makes of 100 images."""
    train_on, judged = graded_images(100, 2 * seed), graded_images(400, 2 * seed + 1)
    data = TrainingData(train_on, train_on, fit_normalisation(train_on.images_hu, IntensityParams()))
    classifier = build_classifier("resnet10t", head, data, WeightsParams(seed=seed), seed=seed)
    still = AugmentParams(rotation_degrees=0, flip_probability=0, zoom=0, shift_fraction=0)
    layers = {"schedule": "custom", "trainable": (0.0, 0.0), "cache_prefix": True}
    recipe = RecipeParams(augment=still, imbalance="none", average_decay=0.0, **layers)
    rate = {"optimizer": "adamw", "learning_rate": 0.03, "batch_size": 20}
    settings = Settings(**rate, head_epochs=0, epochs=60, patience=60, keep="last", recipe=recipe, seed=seed)
    list(train(classifier, data, settings))
    with torch.inference_mode():
        answers = classifier(normalise(torch.from_numpy(judged.images_hu), data.normalisation))
    return float(np.abs(answers.argmax(dim=1).numpy() - judged.labels).mean())


@pytest.mark.slow
def test_on_images_of_ordered_grades_ordinal_heads_are_no_further_off_than_softmax():
    """Mean over four cohorts: softmax 0.657, `ordinal` 0.566, `corn` 0.612; both nearer in each of the four.

    It is the heads that are compared, so the network below them is frozen, with random weights. Where all of
    a network is trained, cohorts differ more than the heads do.
    """
    off = {head: np.mean([grades_off(head, seed) for seed in range(4)]) for head in ("linear", *ORDINAL)}

    assert off["linear"] < 1.2  # a blind answer in the middle; so there was something to learn
    assert off["ordinal"] <= off["linear"]
    assert off["corn"] <= off["linear"]


def test_an_unknown_head_is_refused_with_the_names_there_are():
    with pytest.raises(ParamsError, match="linear, dropout, norm, mlp, ordinal, corn"):
        build_head("transformer", 64, 2)
