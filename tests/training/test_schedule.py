import itertools
import math

import pytest

from lungml.errors import ParamsError
from lungml.models.freezing import SCHEDULES
from lungml.params.model import RecipeParams
from lungml.training.schedule import DECAYS, plan_epochs


def plans(schedule, *, decay="one-cycle", tuned=0.02, head_epochs=2, epochs=5):
    return plan_epochs(RecipeParams(schedule=schedule, decay=decay), tuned, head_epochs, epochs)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_head_comes_first_on_a_frozen_backbone_at_one_thousandth(schedule):
    head = plans(schedule)[:2]

    assert [(plan.phase, plan.frozen_fraction) for plan in head] == [("head", 1.0)] * 2
    assert {plan.learning_rate(share) for plan in head for share in (0.0, 0.5)} == {1e-3}


def test_the_head_comes_first_at_the_rate_of_the_recipe():
    head, later = plan_epochs(RecipeParams(schedule="moderate", head_learning_rate=0.02), None, 1, 1)

    assert (head.learning_rate(0.5), later.learning_rate(0.5)) == (0.02, 5e-4)


@pytest.mark.parametrize(
    ("schedule", "frozen", "first", "last"),
    [
        ("conservative", [0.7, 0.6, 0.5, 0.4, 0.3], 5e-5, 5e-6),
        ("moderate", [0.5, 0.4, 0.3, 0.2, 0.1], 5e-4, 5e-5),
        ("aggressive", [0.1] * 5, 1e-3, 1e-4),
    ],
)
def test_the_seed_studys_schedules(schedule, frozen, first, last):
    """Unfreezing and rates are both linear from the first epoch to the last."""
    found = plans(schedule, tuned=None)[2:]

    assert [plan.frozen_fraction for plan in found] == pytest.approx(frozen)
    assert [plan.learning_rate(0.5) for plan in found] == pytest.approx(
        [first + (last - first) * epoch / 4 for epoch in range(5)]
    )


def test_training_from_scratch_trains_everything_at_the_tuned_rate():
    found = plans("scratch", decay="cosine")[2:]

    assert {plan.frozen_fraction for plan in found} == {0.0}
    assert found[0].learning_rate(0.0) == 0.02
    assert found[2].learning_rate(0.5) == pytest.approx(0.02 * (1 + 0.01) / 2)


def test_training_from_scratch_needs_a_tuned_rate():
    with pytest.raises(ParamsError, match=r"recipe\.schedule"):
        plans("scratch", tuned=None)


@pytest.mark.parametrize("decay", DECAYS)
def test_every_course_peaks_at_the_tuned_rate_and_ends_at_a_hundredth_of_it(decay):
    course = [DECAYS[decay](done / 1000) for done in range(1001)]

    assert max(course) == pytest.approx(1.0)
    assert course[-1] == pytest.approx(0.01)
    assert max(abs(a - b) for a, b in itertools.pairwise(course)) < 0.01


def test_one_cycle_warms_up_from_a_twentyfifth_in_the_first_quarter():
    assert DECAYS["one-cycle"](0.0) == pytest.approx(0.04)
    assert DECAYS["one-cycle"](0.25) == pytest.approx(1.0)
    assert DECAYS["one-cycle"](0.125) == pytest.approx((1 + 0.04) / 2)


def test_cosine_by_the_closed_form():
    assert DECAYS["cosine"](1 / 3) == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi / 3)) / 2)


def test_a_custom_schedule_unfreezes_and_slows_down_as_it_says():
    recipe = RecipeParams(schedule="custom", trainable=(0.2, 1.0), learning_rates=(1e-3, 1e-5))

    found = plan_epochs(recipe, None, 0, 5)

    assert [plan.frozen_fraction for plan in found] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
    assert [plan.learning_rate(0.0) for plan in found] == pytest.approx(
        [1e-3 + (1e-5 - 1e-3) * epoch / 4 for epoch in range(5)]
    )


def test_a_custom_schedule_without_rates_takes_the_tuned_one():
    recipe = RecipeParams(schedule="custom", trainable=(0.5, 0.5), decay="cosine")

    found = plan_epochs(recipe, 0.02, 0, 3)

    assert {plan.frozen_fraction for plan in found} == {0.5}
    assert found[0].learning_rate(0.0) == 0.02
