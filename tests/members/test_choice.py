from pathlib import Path

import pytest

from lungml.errors import InputError
from lungml.members.choice import checked_choice
from lungml.terms import Task

FILE = Path("reports/tune/nodule-five/best.json")
BEST = {
    "task": "nodule-five",
    "backbone": "resnet10t",
    "batch_size": 24,
    "optimizer": "adamw",
    "learning_rate": None,
    "head": "ordinal",
    "augment.zoom": 0.3,
    "weighted_auprc": 0.6,
}


def without(name):
    return {key: value for key, value in BEST.items() if key != name}


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ({}, "it lacks task, backbone, batch_size, optimizer, learning_rate, head"),
        (without("batch_size"), "it lacks batch_size"),
        ([1], "expected names with values, found [1]"),
        (BEST | {"task": "nodule-binary"}, "it is of nodule-binary"),
        (BEST | {"backbone": "resnet_10t"}, "there is no backbone 'resnet_10t'; did you mean resnet10t"),
        (BEST | {"head": "nope"}, "head: Input should be 'linear', "),
        (BEST | {"optimizer": "lion"}, "optimizer: Input should be 'adam', "),
        (BEST | {"augment.nonsense": 1}, "there is no field augment.nonsense that a search could choose"),
        (BEST | {"augment.zoom": 2.0}, "augment.zoom: Input should be less than 1, found 2.0"),
    ],
)
def test_what_no_search_of_the_task_writes_is_one_sentence_that_says_what_to_run(found, wrong):
    with pytest.raises(InputError) as refused:
        checked_choice(found, Task.NODULE_FIVE, FILE)

    assert str(refused.value).startswith(f"{FILE} is not what the search of nodule-five writes: {wrong}")
    assert str(refused.value).endswith("; run `dvc repro tune@nodule-five`")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("more", [{}, {"cache_prefix": True, "augment.mixup_alpha": 0.2}])
def test_what_a_search_chose_is_left_as_it_is(more):
    """Whether fields go together depends on the recipe they are for."""
    assert checked_choice(BEST | more, Task.NODULE_FIVE, FILE) == BEST | more
