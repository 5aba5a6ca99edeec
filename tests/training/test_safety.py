"""What keeps a training from being lost; `test_killed.py` does the same to a process of its own."""

import itertools

import pytest
import torch
from training_examples import AUGMENT, make_classifier, make_data, make_settings
from training_runs import equal, results, run, weights

from lungml.errors import InterruptedRunError
from lungml.params.model import RecipeParams
from lungml.training.checkpoint import Checkpoints
from lungml.training.loop import train
from lungml.training.validation import DivergedError


@pytest.fixture(scope="module")
def uninterrupted():
    return run(make_settings())


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


def test_after_missing_memory_a_resumed_training_goes_on_in_as_many_micro_batches(tmp_path, capsys):
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
    assert capsys.readouterr().err.count("in 2 micro-batches from now on") == 2


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
