import pytest

from lungml.errors import ParamsError
from lungml.graph import StageNode
from lungml.pipeline import plan as module
from lungml.pipeline.plan import Plan, gpu_places, with_all_needed


def node(name, *needs, pool="cpu"):
    return StageNode(name=name, needs=needs, pool=pool, description="")


DIAMOND = [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")]
BRANCHES = [node("data"), node("tune@x", "data"), node("tune@y", "data"), node("fit@x", "tune@x")]


def names(nodes):
    return [each.name for each in nodes]


def run_all(plan, fail=()):
    """Finish stages one by one, in the order they started; what was started when."""
    waves, running = [], []
    while not plan.is_over:
        started = names(plan.start())
        waves.append(started)
        running += started
        name = running.pop(0)
        plan.finish(name, success=name not in fail)
    return waves


def test_a_stage_starts_only_after_all_it_needs():
    plan = Plan(DIAMOND, at_once=4, gpu_at_once=1)

    assert run_all(plan) == [["a"], ["b", "c"], [], ["d"]]


def test_no_more_stages_run_at_once_than_allowed():
    plan = Plan([node(str(number)) for number in range(5)], at_once=2, gpu_at_once=1)

    assert names(plan.start()) == ["0", "1"]
    assert names(plan.start()) == []


def test_gpu_stages_wait_for_the_gpu_and_others_pass_them():
    plan = Plan([node("g1", pool="gpu"), node("g2", pool="gpu"), node("c")], at_once=3, gpu_at_once=1)

    assert names(plan.start()) == ["g1", "c"]
    plan.finish("g1", success=True)
    assert names(plan.start()) == ["g2"]


def test_what_needs_a_failed_stage_is_left_out_and_the_rest_goes_on():
    plan = Plan([*BRANCHES, node("report", "fit@x", "tune@y")], at_once=1, gpu_at_once=1)

    waves = run_all(plan, fail={"tune@x"})

    assert ["tune@y"] in waves
    assert plan.not_run == ("fit@x", "report")


def test_a_target_brings_all_it_needs_and_nothing_else():
    assert names(with_all_needed(BRANCHES, ["fit@x"])) == ["data", "tune@x", "fit@x"]


def test_a_name_without_an_item_is_all_its_items():
    assert names(with_all_needed(BRANCHES, ["tune"])) == ["data", "tune@x", "tune@y"]


def test_without_targets_all_stages_are_meant():
    assert with_all_needed(BRANCHES, None) == BRANCHES
    assert with_all_needed(BRANCHES, []) == BRANCHES


def test_a_target_that_is_not_there_is_named():
    with pytest.raises(ParamsError, match="'fitt'"):
        with_all_needed(BRANCHES, ["fitt"])


class Devices:
    """Stands for `/dev` of a machine."""

    def __init__(self, names):
        self._names = names

    def __call__(self, _path):
        return self

    def glob(self, _pattern):
        return iter(self._names)


@pytest.mark.parametrize(
    ("asked", "devices", "visible", "places"),
    [
        (None, [], None, 3),
        (None, ["nvidia0"], None, 1),
        (None, ["nvidia0"], "-1", 3),
        (None, ["nvidia0"], "0", 1),
        (2, ["nvidia0", "nvidia1"], None, 2),
    ],
)
def test_a_gpu_is_for_one_stage_at_a_time_and_without_one_the_pool_has_no_limit_of_its_own(
    monkeypatch, asked, devices, visible, places
):
    monkeypatch.setattr(module, "Path", Devices(devices))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert gpu_places(asked, at_once=3) == places


def test_a_gpu_that_the_networks_are_not_to_use_limits_nothing(monkeypatch):
    monkeypatch.setattr(module, "Path", Devices(["nvidia0"]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("LUNGML_DEVICE", "cpu")

    assert gpu_places(None, at_once=3) == 3
