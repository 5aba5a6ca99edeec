import numpy as np
import pytest
import torch
from training_examples import AUGMENT, make_classifier, make_data, make_settings

from lungml.models.freezing import set_frozen
from lungml.models.splitting import split_backbone
from lungml.params.model import AugmentParams, RecipeParams
from lungml.training.loop import train
from lungml.training.prefixes import Prefixes

RECIPE = RecipeParams(
    augment=AUGMENT,
    schedule="custom",
    trainable=(0.5, 0.5),
    threads=1,
    imbalance="none",
    cache_prefix=True,
    prefix_copies=2,
)


def trained(data, prefixes=None, **changes):
    """Weights, and how many images went through the first layer."""
    classifier, passed = make_classifier(), []
    classifier.backbone[0].register_forward_hook(lambda _layer, images, _made: passed.append(len(images[0])))
    settings = make_settings(recipe=RECIPE, head_epochs=0, epochs=3, **changes)
    list(train(classifier, data, settings, prefixes=prefixes))
    return classifier.state_dict(), sum(passed)


def test_only_the_first_of_several_trainings_pays_for_the_frozen_layers():
    data, prefixes = make_data(), Prefixes()

    _, first = trained(data, prefixes)
    shared, second = trained(data, prefixes, learning_rate=0.03, optimizer="sgd")

    alone, _ = trained(data, learning_rate=0.03, optimizer="sgd")
    assert (first, second) == (2 * 40 + 24, 0)
    assert all(torch.equal(value, alone[name]) for name, value in shared.items())


def frozen_part(shift=0.0, fraction=0.5):
    classifier = make_classifier()
    with torch.no_grad():
        classifier.backbone[0][0].weight.add_(shift)
    set_frozen(classifier.backbone, fraction)
    classifier.train()
    return split_backbone(classifier.backbone).prefix


DATA = make_data()


def found(prefixes, *, part=None, data=DATA, recipe=RECIPE, seed=3):
    return prefixes.find(part or frozen_part(), data, recipe, seed)


def test_the_same_again_is_found_in_another_copy_of_the_network():
    prefixes = Prefixes()

    assert found(prefixes) is found(prefixes)


@pytest.mark.parametrize(
    "change",
    [
        {"part": frozen_part(shift=1e-6)},
        {"part": frozen_part(fraction=1.0)},
        {"data": make_data()},
        {"seed": 4},
        {"recipe": RECIPE.model_copy(update={"prefix_copies": 3})},
        {"recipe": RECIPE.model_copy(update={"precision": "bfloat16"})},
        {"recipe": RECIPE.model_copy(update={"augment": AugmentParams(zoom=0.2)})},
    ],
    ids=["weights", "share", "data", "seed", "copies", "precision", "augmentation"],
)
def test_what_is_made_otherwise_is_kept_apart(change):
    prefixes = Prefixes(most=2)

    assert found(prefixes) is not found(prefixes, **change)
    assert found(prefixes, **change) is found(prefixes, **change)


def test_what_was_not_used_for_longest_is_dropped():
    prefixes = Prefixes(most=2)
    folds = [make_data() for _ in range(3)]

    first, second = (found(prefixes, data=data) for data in folds[:2])
    assert found(prefixes, data=folds[0]) is first
    found(prefixes, data=folds[2])

    assert found(prefixes, data=folds[0]) is first
    assert found(prefixes, data=folds[1]) is not second


def test_room_is_for_every_copy_of_train_and_for_validation_once():
    kept = found(Prefixes())

    assert kept.train.take(np.array([79]), lambda items: (torch.from_numpy(items),))[0].tolist() == [79]
    with pytest.raises(IndexError):
        kept.train.take(np.array([80]), lambda items: (torch.from_numpy(items),))
    assert kept.val.take(np.array([23]), lambda items: (torch.from_numpy(items),))[0].tolist() == [23]
