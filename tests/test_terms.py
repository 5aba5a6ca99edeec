import pytest

from lungml.terms import Target, Task, View


def test_there_is_a_task_for_each_pair_of_view_and_target():
    pairs = {(task.view, task.target) for task in Task}

    assert pairs == {(view, target) for view in View for target in Target}
    assert len(Task) == len(pairs)


@pytest.mark.parametrize(("target", "classes"), [(Target.BINARY, 2), (Target.FIVE, 5)])
def test_a_target_names_its_classes(target, classes):
    assert len(target.class_names) == classes


def test_class_names_of_five_start_with_the_score_of_the_lidc_scale():
    assert [name[0] for name in Target.FIVE.class_names] == ["1", "2", "3", "4", "5"]


def test_each_task_has_its_own_registered_model():
    assert Task.NODULE_FIVE.registered_model == "lungml-nodule-five"
