import pytest
from torch import nn
from training_examples import STILL, make_classifier, make_settings
from training_runs import run

from lungml.errors import ParamsError
from lungml.params.model import RecipeParams
from lungml.training.compiling import compiled


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


def test_without_a_compiler_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")

    with pytest.raises(ParamsError, match=r"no no-such-compiler here; .*recipe\.compile: false"):
        compiled(nn.Linear(2, 2))
