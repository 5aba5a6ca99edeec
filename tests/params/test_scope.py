import pytest
from pydantic import ValidationError

from lungml.params.scope import ScopeParams
from lungml.terms import Target, Task, View


def test_everything_is_in_scope_unless_something_else_is_said():
    scope = ScopeParams()

    assert scope.views == (View.SLICE, View.NODULE)
    assert set(scope.tasks) == set(Task)
    assert scope.targets == (Target.BINARY, Target.FIVE)


def test_targets_are_those_of_the_tasks():
    scope = ScopeParams.model_validate({"views": ["nodule"], "tasks": {"nodule-binary": "nodule"}})

    assert scope.targets == (Target.BINARY,)


@pytest.mark.parametrize(
    ("tasks", "left"),
    [
        (list(Task), "{nodule-binary: nodule, nodule-five: nodule}"),
        ([Task.SLICE_BINARY], "{nodule-binary: nodule}"),
        ([Task.NODULE_FIVE, Task.SLICE_FIVE], "{nodule-five: nodule}"),
    ],
)
def test_the_lines_without_a_view_keep_the_targets(tasks, left):
    scope = ScopeParams(tasks={task: task.view for task in tasks})

    assert scope.lines_without(View.SLICE) == f"scope:\n  views: [nodule]\n  tasks: {left}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tasks": {"slice-five": "nodule"}}, "slice-five looks at the view slice"),
        ({"views": ["nodule"]}, "slice-binary needs the view slice"),
        ({"views": ["nodule", "nodule"], "tasks": {"nodule-binary": "nodule"}}, "twice"),
        ({"tasks": {}}, "at least 1 item"),
        ({"tasks": {"nodule-three": "nodule"}}, "nodule-five"),
    ],
)
def test_a_scope_that_cannot_be_is_told(wrong, words):
    with pytest.raises(ValidationError, match=words):
        ScopeParams.model_validate(wrong)
