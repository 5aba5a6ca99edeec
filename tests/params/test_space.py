import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lungml.errors import ParamsError
from lungml.params import load_params
from lungml.params.model import ANY_CHOSEN, AugmentParams, RecipeParams, TuneParams
from lungml.params.space import Range, is_whole, with_values

ROOT = Path(__file__).parents[2]
OWN = {
    "batch_size": [16],
    "optimizer": ["adamw"],
    "learning_rate": {"low": 1e-4, "high": 1e-2, "scale": "log"},
    "head": ["linear"],
}


def load(folder, **searched):
    """The shipped params.yaml with another space for one task."""
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    tune = params["tasks"]["nodule-five"]["tune"]
    tune["space"] = {name: value for name, value in (OWN | searched).items() if value is not None}
    yaml.dump(params, folder / "params.yaml")
    return load_params(folder / "params.yaml")


def test_a_space_is_written_as_choices_and_ranges(tmp_path):
    params = load(tmp_path, **{"augment.mixup_alpha": {"low": 0, "high": 0.4}, "loss": ["focal"]})

    tune = next(own.tune for task, own in params.tasks.items() if task.value == "nodule-five")
    assert tune.space["loss"] == ("focal",)
    assert tune.space["learning_rate"] == Range(low=1e-4, high=1e-2, scale="log")
    assert tune.space["augment.mixup_alpha"].scale == "linear"


@pytest.mark.parametrize(
    ("searched", "sentence"),
    [
        ({"batch_size": None}, "batch_size is missing; give it as a list of its choices"),
        ({"augment.blur": [1]}, "augment.blur cannot be searched; choose of batch_size, optimizer,"),
        ({"augment": [1]}, "augment cannot be searched; choose of"),
        ({"loss.of.what": [1]}, "loss.of.what cannot be searched; choose of"),
        ({"augment.mixup_alpha.low": [1]}, "augment.mixup_alpha.low cannot be searched; choose of"),
        (
            {"optimizer": ["adamw", "lion"]},
            "optimizer: Input should be 'adam', 'adamw', 'nadamw' or 'sgd', found",
        ),
        ({"head": {"low": 1, "high": 2}}, "head: Input should be 'linear', 'dropout',"),
        ({"head": "mlp"}, "found 'mlp'"),
        ({"head": []}, "at least 1 item"),
        ({"cache_prefix": {"low": 0, "high": 1}}, "cache_prefix is no number, so it takes a list of choices"),
        (
            {"learning_rate": {"low": 1e-2, "high": 1e-4}},
            "learning_rate goes from 0.01 to 0.0001;",
        ),
        ({"learning_rate": {"low": 1e-2}}, "high is missing"),
        (
            {"weight_decay": {"low": 0, "high": 1, "scale": "log"}},
            "weight_decay starts at 0; a log",
        ),
        ({"augment.zoom": {"low": 0.5, "high": 2.0}}, "augment.zoom: Input should be less than 1, found 2.0"),
        ({"learning_rate": {"low": 1e-4, "high": float("inf")}}, "high: Input should be a finite number"),
        (
            {"learning_rate": 1e-3},
            "a list of numbers or words, or a range of low and high, found 0.001",
        ),
        ({"learning_rate": {"low": "a", "high": 1}}, "low: Input should be a valid number,"),
        (
            {"trainable": [[0.1, 0.5]]},
            "a list of numbers or words, or a range of low and high, found [[",
        ),
        ({"trainable": [0.5]}, "trainable: Input should be a list, found 0.5"),
        (
            {"loss": ["focal"], "cache_prefix": [False, True], "augment.mixup_alpha": [0.0, 0.3]},
            "augment.mixup_alpha: 0.3 with cache_prefix: true may be drawn; cache_prefix keeps what",
        ),
        (
            {"augment.cutmix_alpha": {"low": 0, "high": 0.5}, "cache_prefix": [False, True]},
            "augment.cutmix_alpha: 0.5 with cache_prefix: true may be drawn; cache_prefix keeps what",
        ),
    ],
)
def test_a_wrong_space_is_one_sentence_that_says_where(tmp_path, searched, sentence):
    with pytest.raises(ParamsError) as refused:
        load(tmp_path, **searched)

    assert "tasks.nodule-five.tune.space" in str(refused.value)
    assert sentence in str(refused.value)
    assert str(refused.value).count("\n") == 1


def test_values_replace_fields_by_their_dotted_names():
    recipe = with_values(RecipeParams(), {"loss": "focal", "augment.zoom": 0.2})

    assert recipe == RecipeParams(loss="focal", augment=AugmentParams(zoom=0.2))


def test_values_are_checked_again():
    with pytest.raises(ValueError, match="zoom"):
        with_values(RecipeParams(), {"augment.zoom": 3})


@pytest.mark.parametrize(("name", "whole"), [("batch_size", True), ("clip_norm", False), ("threads", True)])
def test_a_range_is_of_whole_numbers_where_the_field_is_one(name, whole):
    assert is_whole(name, Range(low=2, high=8), ANY_CHOSEN, RecipeParams()) is whole


@pytest.mark.parametrize(("scale", "middle"), [("log", 1e-3), ("linear", 0.00505)])
def test_the_middle_of_a_range_is_that_of_its_scale(scale, middle):
    assert Range(low=1e-4, high=1e-2, scale=scale).middle == pytest.approx(middle)


def test_a_rate_of_the_head_is_searched_where_trials_train_the_head_alone():
    space = OWN | {"head_learning_rate": {"low": 1e-4, "high": 1e-2, "scale": "log"}}

    with pytest.raises(ValueError, match=r"head_learning_rate changes nothing .* raise tune\.head_epochs"):
        TuneParams(space=space)

    assert "head_learning_rate" in TuneParams(head_epochs=1, space=space).space


def test_a_space_is_checked_against_the_recipe_it_belongs_to():
    with pytest.raises(ValueError, match="nowhere cannot be searched"):
        TuneParams(recipe=RecipeParams(), space=OWN | {"nowhere": [1]})


def test_the_rich_space_of_the_docs_is_one():
    page = (ROOT / "docs" / "running.md").read_text()
    (block,) = re.findall(r"```yaml\n(tune:.*?)```", page, flags=re.DOTALL)

    tune = TuneParams.model_validate(YAML(typ="safe").load(block)["tune"])

    assert {"loss", "imbalance", "schedule", "augment.mixup_alpha"} < set(tune.space)
