import pytest

from lungml.params.model import AugmentParams, EmbedParams, RecipeParams


@pytest.mark.parametrize("depth", [0.0, 1.2, 0.333])
def test_a_depth_is_a_whole_number_of_hundredths_above_0(depth):
    with pytest.raises(ValueError, match="depths"):
        EmbedParams(depths=(depth,))


@pytest.mark.parametrize("kind", ["mixup_alpha", "cutmix_alpha"])
def test_kept_activations_of_single_images_cannot_be_mixed(kind):
    augment = AugmentParams(**{kind: 0.2})

    with pytest.raises(ValueError, match=r"cache_prefix keeps .* but MixUp and CutMix mix them before; set"):
        RecipeParams(cache_prefix=True, augment=augment)

    assert RecipeParams(augment=augment).augment == augment


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_labels_are_made_only_of_what_was_learnt_of_readers_alone(share):
    with pytest.raises(ValueError, match=rf"answers: label .* with reader_share: {share:g} the model learns"):
        RecipeParams(answers="label", reader_share=share)

    assert RecipeParams(answers="label", reader_share=1.0).answers == "label"


@pytest.mark.parametrize(
    ("changes", "copies"),
    [
        ({}, 1),
        ({"flip_probability": 1.0}, 1),  # always the same mirror image
        ({"flip_probability": 0.5}, 4),
        ({"rotation_degrees": 5.0}, 4),
        ({"zoom": 0.1}, 4),
        ({"shift_fraction": 0.05}, 4),
    ],
)
def test_as_many_copies_are_kept_as_the_augmentation_can_make_different(changes, copies):
    still = {"rotation_degrees": 0, "flip_probability": 0, "zoom": 0, "shift_fraction": 0}
    augment = AugmentParams(**(still | changes))

    assert RecipeParams(cache_prefix=True, prefix_copies=4, augment=augment).kept_copies == copies
    assert RecipeParams(cache_prefix=True, prefix_copies=1, augment=augment).kept_copies == 1
