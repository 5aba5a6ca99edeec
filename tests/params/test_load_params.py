import re

import pytest
from edited_params import ROOT, edited

from lungml.errors import ParamsError
from lungml.params import load_params


def test_a_section_that_is_not_there_is_named_without_the_rest_of_the_file(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("report:\n  title: alone\n")

    with pytest.raises(ParamsError) as caught:
        load_params(path)

    assert "  split is missing; docs/params.md says what it is" in str(caught.value).splitlines()
    assert "alone" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "held"),
    [("", "nothing"), ("# later\n", "nothing"), ("- split\n", "a list"), ("split\n", "one value")],
)
def test_a_file_without_sections_is_one_sentence(tmp_path, text, held):
    path = tmp_path / "params.yaml"
    path.write_text(text)

    with pytest.raises(ParamsError) as caught:
        load_params(path)

    assert str(caught.value).startswith(f"{path} holds {held}, expected the sections of docs/params.md")
    assert "\n" not in str(caught.value)


def test_a_misspelt_parameter_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ParamsError, match=r"views\.size_pixels: there is no such parameter"):
        load_params(edited(tmp_path, ["views", "size_pixels"], 96))


def test_every_wrong_value_is_listed_at_once(tmp_path):
    edited(tmp_path, ["views", "size_px"], -3)
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"test_fraction: [0-9.]+", "test_fraction: 0.9", path.read_text()))

    with pytest.raises(ParamsError) as caught:
        load_params(path)

    assert "has 2 wrong value(s)" in str(caught.value)
    assert "views.size_px" in str(caught.value)
    assert "split.test_fraction" in str(caught.value)
    assert "found 0.9" in str(caught.value)


def test_a_value_that_an_anchor_carries_to_many_places_is_one_line(tmp_path):
    text = (ROOT / "params.yaml").read_text().replace("decay: one-cycle", "decay: exponential")
    (tmp_path / "params.yaml").write_text(text.replace("window_hu: [-1000.0, 400.0]", "window_hu: wide"))

    wrong = "Input should be 'linear', 'cosine' or 'one-cycle', found 'exponential'"

    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "params.yaml")

    assert str(caught.value).splitlines()[1:] == [
        "  intensity.window_hu: Input should be a list, found 'wide'",
        f"  pretrain.decay: {wrong}",
        f"  tasks.slice-binary.tune.recipe.decay (and in 7 more places): {wrong}",
    ]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_number_without_bound_is_refused(tmp_path, value):
    path = edited(tmp_path, ["tasks", "nodule-five", "finetune", "recipe", "weight_decay"], value)

    with pytest.raises(ParamsError, match=f"weight_decay.*: Input should be a finite number, found {value}"):
        load_params(path)


@pytest.mark.parametrize("section", ["split", "weights", "screen", "evaluate"])
@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_no_generator_takes_is_refused(tmp_path, section, seed):
    with pytest.raises(ParamsError, match=rf"{section}\.seed: Input should be .*, found {seed}"):
        load_params(edited(tmp_path, [section, "seed"], seed))


def test_a_python_object_in_the_file_is_not_made(tmp_path):
    (tmp_path / "params.yaml").write_text("acquire: !!python/object/apply:os.getcwd []")

    with pytest.raises(ParamsError):
        load_params(tmp_path / "params.yaml")


def test_broken_yaml_is_one_sentence_with_its_place(tmp_path):
    (tmp_path / "params.yaml").write_text("acquire: [1, 2")

    with pytest.raises(ParamsError, match=r"is not valid YAML: .*line 1"):
        load_params(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_go(tmp_path):
    with pytest.raises(ParamsError, match="project's root folder"):
        load_params(tmp_path / "params.yaml")


def test_a_value_cannot_be_changed_after_loading():
    params = load_params(ROOT / "params.yaml")

    with pytest.raises(ValueError, match="frozen"):
        params.views.size_px = 3


def test_one_task_can_be_tuned_otherwise_without_touching_the_others(tmp_path):
    params = load_params(edited(tmp_path, ["tasks", "slice-five", "tune", "trials"], 3))

    assert [task for task, own in params.tasks.items() if own.tune.trials == 3] == ["slice-five"]


def test_a_binary_task_answers_with_no_panel(tmp_path):
    recipe = ["tasks", "nodule-binary", "finetune", "variants"]
    panels = {"answers": "label", "reader_share": 1.0}

    with pytest.raises(ParamsError, match=r"nodule-binary: recipe\.answers: label needs the readers' five"):
        load_params(edited(tmp_path, recipe, {"panels": panels}))

    load_params(edited(tmp_path, ["tasks", "nodule-five", *recipe[2:]], {"panels": panels}))


@pytest.mark.parametrize("place", ["recipe", "variants"])
def test_up_sampling_to_counts_of_other_classes_than_the_tasks_is_refused(tmp_path, place):
    wrong = {"upsample_counts": [100, 100]}
    value = {"imbalance": "upsample", **wrong} if place == "recipe" else {"more": wrong}

    with pytest.raises(ParamsError, match=r"nodule-five: recipe\.upsample_counts has 2 number\(s\)"):
        load_params(edited(tmp_path, ["tasks", "nodule-five", "finetune", place], value))
