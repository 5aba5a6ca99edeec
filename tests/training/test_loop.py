import itertools

import numpy as np
import pytest
import torch
from training_examples import AUGMENT, RECIPE, make_classifier, make_data, make_settings

from lungml.errors import InterruptedRunError
from lungml.params.model import RecipeParams
from lungml.training import loop
from lungml.training.checkpoint import Checkpoints
from lungml.training.loop import train
from lungml.training.validation import DivergedError, Validation

RESULTS = ("epoch", "phase", "train_loss", "val_loss", "val_weighted_auprc", "learning_rate")


def weights(classifier):
    return {name: value.clone() for name, value in classifier.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def results(records):
    return [tuple(getattr(record, name) for name in RESULTS) for record in records]


def run(settings, data=None, **options):
    classifier = make_classifier()
    records = list(train(classifier, data or make_data(), settings, **options))
    return weights(classifier), records


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


@pytest.mark.parametrize("epochs_done", [1, 2, 4])
def test_a_killed_training_goes_on_to_the_same_bytes(epochs_done, uninterrupted, tmp_path):
    killed = train(
        make_classifier(), make_data(), make_settings(), checkpoints=Checkpoints(tmp_path / "work", "f")
    )
    list(itertools.islice(killed, epochs_done))
    killed.close()

    resumed, records = run(make_settings(), checkpoints=Checkpoints(tmp_path / "work", "f"))

    assert equal(resumed, uninterrupted[0])
    assert results(records) == results(uninterrupted[1])


@pytest.mark.parametrize("steps_done", [1, 11, 23])
def test_a_training_stopped_within_an_epoch_goes_on_to_the_same_bytes(steps_done, uninterrupted, tmp_path):
    answers = iter([False] * (steps_done - 1) + [True])
    with pytest.raises(InterruptedRunError, match="goes on from there"):
        run(
            make_settings(),
            checkpoints=Checkpoints(tmp_path / "work", "f"),
            stop_asked=lambda: next(answers),
        )

    resumed, records = run(make_settings(), checkpoints=Checkpoints(tmp_path / "work", "f"))

    assert equal(resumed, uninterrupted[0])
    assert results(records) == results(uninterrupted[1])


BEHIND = RecipeParams(
    augment=AUGMENT,
    threads=1,
    schedule="custom",
    trainable=(0.5, 0.5),
    cache_prefix=True,
    prefix_copies=3,
    layer_decay=0.5,
    clip_norm=0.5,
    accumulate=2,
)


@pytest.fixture(scope="module")
def uninterrupted_behind():
    return run(make_settings(recipe=BEHIND))


@pytest.mark.parametrize("steps_done", [1, 9, 17, 26])
def test_behind_frozen_layers_too_a_stopped_training_goes_on_to_the_same_bytes(
    steps_done, uninterrupted_behind, tmp_path
):
    answers = iter([False] * (steps_done - 1) + [True])
    with pytest.raises(InterruptedRunError):
        run(
            make_settings(recipe=BEHIND),
            checkpoints=Checkpoints(tmp_path / "work", "f"),
            stop_asked=lambda: next(answers),
        )

    resumed, records = run(make_settings(recipe=BEHIND), checkpoints=Checkpoints(tmp_path / "work", "f"))

    assert equal(resumed, uninterrupted_behind[0])
    assert results(records) == results(uninterrupted_behind[1])


def test_after_missing_memory_a_resumed_training_goes_on_in_as_many_parts(tmp_path, capsys):
    """Memory is missing once, in the third step; a stop after that is no way back to whole batches."""
    asked = itertools.count(1)

    def train_with(answers, **options):
        classifier = make_classifier()
        once = iter([*[False] * 2, True])

        def forget(_layer, inputs):
            if len(inputs[0]) > 4 and next(once, False):
                raise torch.OutOfMemoryError("no memory")

        handle = classifier.backbone.register_forward_pre_hook(forget)
        records = list(train(classifier, make_data(), make_settings(), stop_asked=answers, **options))
        handle.remove()
        return weights(classifier), records

    expected, _ = train_with(lambda: False)
    checkpoints = Checkpoints(tmp_path / "work", "f")
    with pytest.raises(InterruptedRunError):
        train_with(lambda: next(asked) == 5, checkpoints=checkpoints)
    found, _ = run(make_settings(), checkpoints=checkpoints)

    assert equal(found, expected)
    assert capsys.readouterr().err.count("in 2 parts from now on") == 2


BLOWING_UP = RecipeParams(
    augment=AUGMENT, threads=1, schedule="custom", trainable=(1.0, 1.0), learning_rates=(1e-3, 1e30)
)
"""The second epoch's rate is without measure, so its second step has no loss."""


def test_a_training_that_blows_up_goes_back_to_its_best_epoch_and_keeps_nothing_bad(tmp_path):
    settings = make_settings(recipe=BLOWING_UP, head_epochs=0, epochs=4)
    checkpoints = Checkpoints(tmp_path / "work", "f")
    classifier, kept = make_classifier(), {}

    with pytest.raises(DivergedError, match=r"epoch 2, step \d\. .*best epoch, 1, and .*work holds") as found:
        for _ in train(classifier, make_data(), settings, checkpoints=checkpoints):
            kept = {file.name: file.read_bytes() for file in (tmp_path / "work").iterdir()}

    assert str(tmp_path / "work") in str(found.value)
    assert kept == {file.name: file.read_bytes() for file in (tmp_path / "work").iterdir()}
    assert equal(weights(classifier), checkpoints.load()["best_weights"])
    assert all(bool(value.isfinite().all()) for value in weights(classifier).values())


def test_weights_that_are_no_numbers_are_not_saved_on_a_stop(tmp_path):
    """Broken by a fault of the machine after the step, so no loss could show it."""
    classifier = make_classifier()

    def break_and_stop():
        classifier.head.bias.data.fill_(float("inf"))
        return True

    with pytest.raises(DivergedError, match="a weight is not a number after epoch 0, step 1"):
        list(
            train(
                classifier,
                make_data(),
                make_settings(),
                checkpoints=Checkpoints(tmp_path / "work", "f"),
                stop_asked=break_and_stop,
            )
        )

    assert not (tmp_path / "work").exists()


def test_a_batch_in_parts_trains_as_the_whole_batch_does_where_nothing_looks_at_it_as_a_whole():
    found = []
    for accumulate in (1, 3):
        classifier = make_classifier()
        classifier.backbone[1][3].p = 0.0  # dropout
        recipe = RECIPE.model_copy(update={"accumulate": accumulate, "norm_statistics": "frozen"})
        records = list(train(classifier, make_data(), make_settings(recipe=recipe, epochs=2)))
        found.append((weights(classifier), records))

    (whole, records), (parts, others) = found
    assert not equal(parts, whole)
    for name, value in whole.items():
        assert torch.allclose(parts[name], value, atol=1e-4), name
    assert [each.val_loss for each in others] == pytest.approx([each.val_loss for each in records], abs=1e-4)


def test_frozen_statistics_stay_those_the_network_came_with():
    recipe = RECIPE.model_copy(update={"norm_statistics": "frozen"})
    classifier, before = make_classifier(), weights(make_classifier())

    list(train(classifier, make_data(), make_settings(recipe=recipe)))

    moved = {name for name, value in classifier.state_dict().items() if not torch.equal(value, before[name])}
    assert not any("running" in name or "num_batches" in name for name in moved)
    assert {"backbone.0.1.weight", "backbone.1.1.bias"} <= moved


def test_a_training_of_other_parameters_starts_from_the_beginning(tmp_path):
    other = make_settings(learning_rate=0.002)
    expected, _ = run(other)
    list(
        itertools.islice(
            train(
                make_classifier(), make_data(), make_settings(), checkpoints=Checkpoints(tmp_path / "w", "f")
            ),
            2,
        )
    )

    found, _ = run(other, checkpoints=Checkpoints(tmp_path / "w", "g"))

    assert equal(found, expected)


def test_a_loss_that_is_not_a_number_stops_the_step_and_names_the_nodules():
    data = make_data()
    classifier = make_classifier()
    with torch.no_grad():
        classifier.head.weight.fill_(float("nan"))

    with pytest.raises(DivergedError, match=r"epoch 1, step 1\. The batch held the nodules train-\d{3}, "):
        next(train(classifier, data, make_settings()))

    assert not any(value.isnan().any() for name, value in weights(classifier).items() if "backbone" in name)


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
