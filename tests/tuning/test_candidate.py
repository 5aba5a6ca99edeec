import pytest
from searches import PARAMS, SPACE, params

from lungml.params.model import RecipeParams
from lungml.tuning.candidate import (
    Candidate,
    apply_candidate,
    candidate_of,
    middle_of,
    searched_names,
    takes_rate,
)

RICH = params(
    space=SPACE
    | {
        "batch_size": {"low": 8, "high": 64, "scale": "log"},
        "augment.zoom": {"low": 0.0, "high": 0.4},
        "loss": ["focal", "cross-entropy"],
    }
)


def test_the_middle_is_the_first_choice_and_the_middle_of_a_range():
    assert middle_of(RICH).values == {
        "batch_size": 23,
        "optimizer": "adamw",
        "learning_rate": pytest.approx(1e-3),
        "head": "linear",
        "augment.zoom": pytest.approx(0.2),
        "loss": "focal",
    }


def test_a_candidate_changes_the_recipe_where_it_was_searched_and_nowhere_else():
    recipe = RecipeParams(weight_decay=0.3)

    changed, chosen = apply_candidate(recipe, middle_of(RICH))

    assert (changed.augment.zoom, changed.loss) == (pytest.approx(0.2), "focal")
    back = {"augment": recipe.augment, "loss": recipe.loss}
    assert changed.model_copy(update=back) == recipe
    assert (chosen.batch_size, chosen.optimizer, chosen.head) == (23, "adamw", "linear")


def test_what_was_chosen_comes_back_from_the_summary():
    summary = {
        "task": "nodule-five",
        "backbone": "resnet10t",
        "trials": 4,
        "pruned": 1,
        "weighted_auprc": 0.9,
    }

    found = candidate_of(summary | {"head": "mlp", "learning_rate": None, "augment.zoom": 0.1})

    assert found == Candidate({"head": "mlp", "augment.zoom": 0.1})


def test_names_are_in_one_order_however_the_space_is_written():
    turned = params(space=dict(reversed(RICH.space.model_dump().items())))

    assert searched_names(turned) == searched_names(RICH)
    assert searched_names(RICH)[4:] == ["augment.zoom", "loss"]


@pytest.mark.parametrize(
    ("values", "takes"), [({}, True), ({"schedule": "moderate"}, False), ({"schedule": "custom"}, True)]
)
def test_the_rate_is_tuned_where_the_schedule_has_none(values, takes):
    assert takes_rate(PARAMS.recipe, values) is takes
