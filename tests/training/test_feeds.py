import numpy as np
import pytest
import torch
from torch import nn
from training_examples import AUGMENT, STILL, TinyBackbone, make_classifier, make_data, make_settings
from training_runs import equal, run

from lungml.augment.balance import Showings
from lungml.models.classifier import Classifier
from lungml.models.freezing import set_frozen
from lungml.models.precision import EXACT
from lungml.models.table import BACKBONES
from lungml.params.model import RecipeParams, WeightsParams
from lungml.training import kept
from lungml.training.assembly import build_classifier
from lungml.training.data import Examples, TrainingData, load_images
from lungml.training.feeds import BehindFrozenLayers, Feeder, WholeImages
from lungml.training.prefixes import Prefixes
from lungml.training.validation import validation_images

HALF = {"schedule": "custom", "trainable": (0.5, 0.5), "threads": 1}


def recipe(**changes):
    return RecipeParams(**({"cache_prefix": True, "augment": AUGMENT} | HALF | changes))


def feeder_of(recipe, classifier=None, *, fraction=0.5):
    classifier = classifier or make_classifier()
    set_frozen(classifier.backbone, fraction)
    classifier.train()
    return Feeder(WholeImages(classifier, make_data(), recipe, seed=3), Prefixes())


def trained(recipe, *, data=None, classifier=None, **settings):
    return run(make_settings(recipe=recipe, **settings), data=data, classifier=classifier)


def test_with_one_unchanged_copy_a_training_is_the_same_byte_for_byte():
    still = {"augment": STILL, "prefix_copies": 1}

    whole, records = trained(recipe(cache_prefix=False, **still), epochs=3)
    behind, others = trained(recipe(**still), epochs=3)

    assert equal(behind, whole)
    assert [each.lasting() for each in others] == [each.lasting() for each in records]


def enlarged(examples, count):
    images_hu = np.kron(examples.images_hu[:count], np.ones((2, 2), np.int16))
    return Examples(examples.nodule_ids[:count], images_hu, examples.labels[:count], examples.classes)


def by_size(name):
    return pytest.param(name, marks=[pytest.mark.slow] if BACKBONES[name].parameters > 6e6 else [])


@pytest.mark.parametrize("backbone", map(by_size, BACKBONES))
def test_every_backbone_of_the_table_trains_behind_its_frozen_layers_as_on_whole_images(backbone):
    """All of them can be cut, so a fall-back to whole images would be noticed by its line."""
    data = make_data()
    data = TrainingData(enlarged(data.train, 12), enlarged(data.val, 8), data.normalisation)
    found = []
    for cache_prefix in (False, True):
        classifier = build_classifier(backbone, "linear", data, WeightsParams(seed=5), seed=1)
        options = {"augment": STILL, "prefix_copies": 1, "imbalance": "none", "cache_prefix": cache_prefix}
        found.append(
            trained(
                recipe(**options), data=data, classifier=classifier, batch_size=6, head_epochs=0, epochs=1
            )
        )

    (whole, records), (behind, others) = found
    for name, value in whole.items():
        assert torch.allclose(behind[name], value, rtol=1e-4, atol=1e-5), name
    assert others[0].train_loss == pytest.approx(records[0].train_loss, rel=1e-5)
    assert others[0].val_loss == pytest.approx(records[0].val_loss, rel=1e-5)


def test_augmented_copies_take_turns_by_epochs_and_showings():
    chosen = recipe(prefix_copies=3)
    feed = feeder_of(chosen).choose()
    rows = np.array([5, 5, 17])
    data = make_data()

    for epoch in range(5):
        found = feed.batch(Showings(rows, np.array([0, 1, 0])), epoch=epoch, step=0)

        copies = np.array([epoch, epoch + 1, epoch]) % 3
        images = load_images(data, chosen.augment, Showings(rows, copies), key=(3, 0), engine=EXACT)
        with torch.no_grad():
            expected = make_classifier().backbone[0].eval()(images)
        assert torch.allclose(found.inputs[0], expected, atol=1e-5)
        assert found.nodule_ids == ("train-005", "train-005", "train-017")
        assert found.targets.argmax(dim=1).tolist() == data.train.labels[rows].tolist()
    assert not torch.allclose(found.inputs[0][0], found.inputs[0][1], atol=1e-2)


def count_passes(classifier):
    """How many images have gone through the first layer."""
    passed = []
    classifier.backbone[0].register_forward_hook(
        lambda _layer, inputs, _output: passed.append(len(inputs[0]))
    )
    return passed


def test_frozen_layers_see_each_copy_of_an_image_once_in_all_epochs():
    classifier = make_classifier()
    passed = count_passes(classifier)

    trained(recipe(prefix_copies=2, imbalance="none"), classifier=classifier, head_epochs=0, epochs=8)

    assert sum(passed) == 2 * 40 + 24


def test_where_no_image_is_changed_one_copy_serves_for_all():
    classifier = make_classifier()
    passed = count_passes(classifier)
    still, epochs = {"augment": STILL, "imbalance": "none"}, {"head_epochs": 0, "epochs": 8}

    found, _ = trained(recipe(prefix_copies=4, **still), classifier=classifier, **epochs)

    assert sum(passed) == 40 + 24
    assert equal(found, trained(recipe(prefix_copies=1, **still), **epochs)[0])


def test_another_frozen_share_is_computed_anew():
    classifier = make_classifier()
    passed = count_passes(classifier)

    trained(recipe(prefix_copies=1, imbalance="none"), classifier=classifier, head_epochs=2, epochs=2)

    assert sum(passed) == 2 * (40 + 24)


def test_where_all_is_trained_every_epoch_sees_new_augmented_images():
    feed = feeder_of(recipe(), fraction=0.0).choose()

    assert isinstance(feed, WholeImages)


def test_without_the_parameter_images_go_through_the_whole_network():
    assert isinstance(feeder_of(recipe(cache_prefix=False)).choose(), WholeImages)


def test_averages_that_have_not_reached_the_frozen_layers_are_judged_on_whole_images():
    classifier = make_classifier()
    feed = feeder_of(recipe(), classifier).choose()
    weights = {name: value.clone() for name, value in classifier.state_dict().items()}

    behind, _ = feed.validation(weights)
    weights["backbone.0.0.weight"][0, 0, 0, 0] += 1e-3
    whole, batches = feed.validation(weights)

    assert isinstance(feed, BehindFrozenLayers)
    assert behind is feed.network
    assert whole is classifier
    for one, other in zip(batches, validation_images(make_data()), strict=True):
        assert torch.equal(one[0], other[0])


def test_layers_that_are_frozen_after_they_were_trained_are_kept_as_they_ended():
    """The share that is trained goes down, so averages lag behind when the first layers are frozen."""
    shrinking = {"trainable": (1.0, 0.5), "augment": STILL, "prefix_copies": 1}

    whole, records = trained(recipe(cache_prefix=False, **shrinking), epochs=3)
    behind, others = trained(recipe(**shrinking), epochs=3)

    assert equal(behind, whole)
    assert [each.lasting() for each in others] == [each.lasting() for each in records]


class Branching(TinyBackbone):
    """Its way depends on the values of its input, so it cannot be cut."""

    def forward(self, images):
        return super().forward(images if images.sum() < 1e9 else -images)


def test_a_network_that_cannot_be_cut_is_trained_whole_and_that_is_said_once(capsys):
    torch.manual_seed(0)
    backbone = Branching()
    start = {name: value.clone() for name, value in backbone.state_dict().items()}
    results = []
    for cache_prefix in (True, False):
        backbone.load_state_dict(start)
        torch.manual_seed(1)
        classifier = Classifier(backbone, nn.Linear(8, 2))
        results.append(trained(recipe(cache_prefix=cache_prefix), classifier=classifier, epochs=2)[0])

    assert equal(*results)
    assert capsys.readouterr().err.count("cannot be cut") == 1


def test_a_file_in_the_place_of_memory_changes_nothing(monkeypatch):
    in_memory = trained(recipe(), epochs=2)[0]
    monkeypatch.setattr(kept, "_IN_MEMORY", 0)

    assert equal(trained(recipe(), epochs=2)[0], in_memory)


def test_in_bfloat16_a_training_comes_to_nearly_the_same():
    still = {"augment": STILL, "prefix_copies": 1, "precision": "bfloat16"}

    _, records = trained(recipe(cache_prefix=False, **still), epochs=2)
    _, others = trained(recipe(**still), epochs=2)

    assert [each.val_loss for each in others] == pytest.approx([each.val_loss for each in records], rel=0.02)
