import pytest
from edited_params import edited

from lungml.errors import ParamsError
from lungml.params import load_params


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("tasks.nodule-five.tune.backbone", "resnet_18", "tasks.nodule-five.tune.backbone"),
        ("outliers.backbone", "resnet_18", "outliers.backbone"),
        ("embed.backbones", ["resnet10t", "resnet_18"], "embed.backbones.1"),
        ("pretrain.backbones", ["resnet_18"], "pretrain.backbones.0"),
        (
            "tasks.nodule-five.finetune.variants",
            {"deep": {"backbone": "resnet_18"}},
            "tasks.nodule-five.finetune.variants: deep: backbone",
        ),
    ],
)
def test_an_unknown_backbone_is_one_sentence_when_parameters_are_read(tmp_path, place, value, named):
    with pytest.raises(ParamsError) as caught:
        load_params(edited(tmp_path, place.split("."), value))

    _, found = str(caught.value).splitlines()
    assert found == (
        f"  {named}: there is no backbone 'resnet_18'; did you mean resnet18 or resnet10t? "
        "`lungml backbones` lists them all, and a new one is a name in lungml/params/backbones.py and a row "
        "of lungml/models/table.py"
    )


@pytest.mark.parametrize("place", ["outliers.backbone", "tasks.nodule-five.tune.backbone"])
def test_the_best_of_screening_is_a_choice_for_the_search_alone(tmp_path, place):
    path = edited(tmp_path, place.split("."), "screened")

    if place.startswith("tasks"):
        assert load_params(path).tasks["nodule-five"].tune.backbone == "screened"
    else:
        with pytest.raises(ParamsError, match="there is no backbone 'screened'"):
            load_params(path)
