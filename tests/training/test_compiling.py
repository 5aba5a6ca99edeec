import pytest
from training_examples import STILL, make_classifier, make_settings
from training_runs import run

from lungml.params.model import RecipeParams


def validation_losses(**changes):
    classifier = make_classifier()
    classifier.backbone[1][3].p = 0.0  # compiled, dropout draws other numbers
    recipe = RecipeParams(
        augment=STILL, schedule="custom", trainable=(0.5, 1.0), learning_rates=(1e-2, 1e-3), **changes
    )
    _, records = run(
        make_settings(recipe=recipe, optimizer="sgd", epochs=2, batch_size=30), classifier=classifier
    )
    return [record.val_loss for record in records]


@pytest.mark.slow
@pytest.mark.filterwarnings("default::UserWarning:torch")
@pytest.mark.parametrize("cache_prefix", [False, True])
def test_a_compiled_training_comes_to_the_same_through_all_its_unfreezing(cache_prefix):
    expected = validation_losses(cache_prefix=cache_prefix)

    found = validation_losses(cache_prefix=cache_prefix, compile=True)

    assert found == pytest.approx(expected, abs=1e-4)
