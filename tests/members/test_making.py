import pytest

from lungml.errors import ParamsError
from lungml.members.making import PLAIN, make_variants
from lungml.params.data import IntensityParams
from lungml.params.model import AugmentParams, RecipeParams
from lungml.params.task import FinetuneParams

BEST = {
    "task": "nodule-five",
    "backbone": "resnet10t",
    "batch_size": 24,
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "head": "ordinal",
    "augment.zoom": 0.3,
    "loss": "focal",
    "weighted_auprc": 0.6,
    "trials": 9,
    "pruned": 4,
}
RECIPE = RecipeParams(augment=AugmentParams(zoom=0.1, shift_fraction=0.2))


def made(variants=None, best=None, recipe=RECIPE):
    finetune = FinetuneParams(recipe=recipe, epochs=30, variants=variants or {})
    return make_variants(finetune, best or BEST, IntensityParams(window_hu=(-900, 300)))


def test_a_member_is_made_of_what_tuning_chose_and_else_of_the_recipe():
    (plain,) = made().values()

    assert list(made()) == [PLAIN]
    assert (plain.backbone, plain.batch_size, plain.head) == ("resnet10t", 24, "ordinal")
    assert plain.recipe.loss == "focal"
    assert (plain.recipe.augment.zoom, plain.recipe.augment.shift_fraction) == (0.3, 0.2)
    assert (plain.epochs, plain.intensity.window_hu) == (30, (-900, 300))


def test_a_variant_differs_in_what_it_says_and_in_nothing_else():
    variants = {
        "wide": {},
        "narrow": {"intensity.centre_share": 0.6, "intensity.scaling": "three-windows"},
        "other": {"backbone": "mobilenetv3_small_050", "head": "corn", "epochs": 50, "augment.zoom": 0.0},
    }

    wide, narrow, other = made(variants).values()

    (plain,) = made().values()
    assert wide == plain
    seen = plain.intensity.model_copy(update={"centre_share": 0.6, "scaling": "three-windows"})
    assert narrow == plain.model_copy(update={"intensity": seen})
    augment = plain.recipe.augment.model_copy(update={"zoom": 0.0})
    changes = {"backbone": "mobilenetv3_small_050", "head": "corn", "epochs": 50}
    recipe = plain.recipe.model_copy(update={"augment": augment})
    assert other == plain.model_copy(update=changes | {"recipe": recipe})


def test_a_search_that_needed_no_rate_leaves_none():
    (plain,) = made(best=BEST | {"learning_rate": None}).values()

    assert plain.learning_rate is None


def test_a_variant_that_does_not_go_with_what_tuning_chose_is_named():
    unchecked = FinetuneParams().model_copy(update={"variants": {"far": {"augment.zoom": 7.0}}})

    with pytest.raises(ParamsError, match=r"finetune\.variants\.far .*less than 1"):
        make_variants(unchecked, BEST, IntensityParams())


def test_a_tuned_backbone_that_is_not_there_is_named_before_anything_is_trained():
    with pytest.raises(ParamsError, match=r"no backbone 'resnet_10t'; did you mean resnet10t"):
        made(best=BEST | {"backbone": "resnet_10t"})


def test_a_recipe_that_does_not_go_with_what_tuning_chose_is_one_sentence():
    recipe = RecipeParams(cache_prefix=True)

    with pytest.raises(
        ParamsError, match=r"^finetune\.recipe in params\.yaml does not .*: cache_prefix keeps"
    ):
        made(best=BEST | {"augment.mixup_alpha": 0.2}, recipe=recipe)
