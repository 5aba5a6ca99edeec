import numpy as np
import pytest
import torch
from torch import nn
from training_examples import AUGMENT, RECIPE, make_classifier, make_data, make_settings
from training_runs import equal, results, run, weights

from lungml.params.model import RecipeParams
from lungml.training import loop
from lungml.training.loop import train
from lungml.training.validation import Validation


@pytest.fixture(scope="module")
def uninterrupted():
    return run(make_settings())


def test_the_same_arguments_give_the_same_bytes(uninterrupted):
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002

    again, records = run(make_settings())

    assert equal(again, uninterrupted[0])
    assert results(records) == results(uninterrupted[1])


def test_another_seed_gives_other_weights(uninterrupted):
    assert not equal(run(make_settings(seed=4))[0], uninterrupted[0])


def test_it_learns_what_can_be_learned():
    _, records = run(make_settings(epochs=12))

    assert records[-1].train_loss < 0.7 * records[0].train_loss
    assert max(record.val_weighted_auprc for record in records) > 0.95


def test_the_head_phase_leaves_the_backbone_as_it_was():
    classifier, before = make_classifier(), weights(make_classifier())
    record = next(train(classifier, make_data(), make_settings()))

    moved = {name for name, value in classifier.state_dict().items() if not torch.equal(value, before[name])}

    assert moved == {"head.weight", "head.bias"}
    assert record.phase == "head"
    assert record.trainable_share == pytest.approx(18 / sum(p.numel() for p in classifier.parameters()))


def test_the_head_leaves_out_the_share_of_values_that_the_recipe_says():
    classifier = make_classifier()
    classifier.head = nn.Sequential(nn.Dropout(0.3), classifier.head)
    recipe = RECIPE.model_copy(update={"dropout": 0.8})

    next(train(classifier, make_data(), make_settings(recipe=recipe)))

    assert classifier.head[0].p == 0.8
    assert classifier.backbone[1][3].p == 0.1  # the backbone's is its own


def test_layers_are_unfrozen_as_the_schedule_says():
    recipe = RecipeParams(schedule="conservative", augment=AUGMENT, threads=1)
    classifier = make_classifier()
    settings = make_settings(recipe=recipe, head_epochs=1, epochs=3)

    names = [
        {name for name, p in classifier.named_parameters() if p.requires_grad}
        for _ in train(classifier, make_data(), settings)
    ]

    assert names[0] == {"head.weight", "head.bias"}
    assert [any(name.startswith("backbone.1") for name in trained) for trained in names[1:]] == [True] * 3
    assert not any(name.startswith("backbone.0") for trained in names for name in trained)


def test_a_batch_in_micro_batches_trains_as_the_whole_batch_does_where_nothing_looks_at_it_as_a_whole():
    found = []
    for accumulate in (1, 3):
        classifier = make_classifier()
        classifier.backbone[1][3].p = 0.0  # dropout
        recipe = RECIPE.model_copy(update={"accumulate": accumulate, "norm_statistics": "frozen"})
        records = list(train(classifier, make_data(), make_settings(recipe=recipe, epochs=2)))
        found.append((weights(classifier), records))

    (whole, records), (pieces, others) = found
    assert not equal(pieces, whole)
    for name, value in whole.items():
        assert torch.allclose(pieces[name], value, atol=1e-4), name
    assert [each.val_loss for each in others] == pytest.approx([each.val_loss for each in records], abs=1e-4)


def test_more_micro_batches_than_pairs_of_images_still_train_batch_norm():
    """Here the maps behind it have one pixel, so one image has no variance, and torch refuses it."""
    classifier = make_classifier()
    classifier.backbone[1][0].stride = (7, 7)
    recipe = RECIPE.model_copy(update={"accumulate": 16})

    records = list(train(classifier, make_data(), make_settings(recipe=recipe, batch_size=16, epochs=1)))

    assert [record.epoch for record in records] == [1, 2]


def test_frozen_statistics_stay_those_the_network_came_with():
    recipe = RECIPE.model_copy(update={"norm_statistics": "frozen"})
    classifier, before = make_classifier(), weights(make_classifier())

    list(train(classifier, make_data(), make_settings(recipe=recipe)))

    moved = {name for name, value in classifier.state_dict().items() if not torch.equal(value, before[name])}
    assert not any("running" in name or "num_batches" in name for name in moved)
    assert {"backbone.0.1.weight", "backbone.1.1.bias"} <= moved


def test_the_best_epoch_is_kept_and_patience_ends_the_training(monkeypatch):
    """Validation is scripted: the 3rd of all epochs is the best, so with patience 2 the 5th is the last."""
    classifier, seen = make_classifier(), []
    scores = iter([0.5, 0.6, 0.9, 0.8, 0.9, 1.0])

    def scripted(_network, average, _batches, _labels):
        seen.append({name: value.clone() for name, value in average.items()})
        return Validation(loss=1.0, weighted_auprc=next(scores), balanced_accuracy=0.5)

    monkeypatch.setattr(loop, "validate", scripted)
    records = list(train(classifier, make_data(), make_settings(epochs=8, patience=2)))

    assert len(records) == 5
    assert equal(weights(classifier), seen[2])


def test_epochs_of_the_head_do_not_use_up_patience(monkeypatch):
    scores = iter([0.9, 0.1, 0.1, 0.1, 0.1, 0.1])
    monkeypatch.setattr(loop, "validate", lambda *_: Validation(1.0, next(scores), 0.5))

    records = list(train(make_classifier(), make_data(), make_settings(head_epochs=3, epochs=8, patience=2)))

    assert [record.phase for record in records] == ["head"] * 3 + ["schedule"] * 2


def test_of_equal_scores_the_lower_loss_is_better():
    best = Validation(0.5, 0.8, 0.1)

    assert best.is_better_than(Validation(0.6, 0.8, 0.9))
    assert not best.is_better_than(Validation(0.4, 0.8, 0.9))
    assert not Validation(0.1, 0.7, 0.9).is_better_than(best)
    assert best.is_better_than(None)


def test_nothing_global_is_changed_between_epochs():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    threads = torch.get_num_threads()

    for _ in train(make_classifier(), make_data(), make_settings(recipe=RECIPE, epochs=1)):
        assert torch.get_num_threads() == threads
        assert not torch.are_deterministic_algorithms_enabled()

    assert torch.equal(torch.rand(2), expected)
