import pytest
from pydantic import ValidationError

from lungml.params.task import FinetuneParams


def test_a_variant_may_change_any_field_that_a_member_is_made_of():
    variants = {
        "one": {
            "backbone": "resnet10t",
            "head": "corn",
            "learning_rate": 0.01,
            "epochs": 40,
            "loss": "focal",
            "augment.zoom": 0.2,
            "intensity.scaling": "three-windows",
            "intensity.window_hu": (-900.0, 300.0),
        },
        "none": {},
    }

    assert FinetuneParams(variants=variants).variants == variants


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ({"hed": "corn"}, "one: hed cannot be varied; choose of batch_size, "),
        ({"intensity": 1}, "one: intensity cannot be varied"),
        ({"intensity.zoom": 1}, "one: intensity.zoom cannot be varied"),
        ({"augment.zoom": 2.0}, "one: augment.zoom: Input should be less than 1, found 2.0"),
        ({"backbone": "resnet_10t"}, "one: backbone: .* 'resnet_10t'; did you mean resnet10t"),
        ({"backbone": "screened"}, "one: backbone: there is no backbone 'screened'"),
        ({"head": "conv"}, "one: head: .*found 'conv'"),
        ({"intensity.window_hu": (300.0, -900.0)}, "lower HU first"),
    ],
)
def test_a_variant_of_what_does_not_exist_or_is_not_allowed_is_one_sentence(variant, sentence):
    with pytest.raises(ValidationError, match=sentence):
        FinetuneParams(variants={"one": variant})


def test_what_does_not_go_together_is_said_without_the_rest_of_the_recipe():
    variant = {"cache_prefix": True, "augment.mixup_alpha": 0.2}

    with pytest.raises(ValidationError, match=r"cutmix_alpha: 0 ") as found:
        FinetuneParams(variants={"one": variant})

    assert "found {" not in str(found.value)
