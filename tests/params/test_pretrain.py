import pytest
from pydantic import ValidationError

from lungml.params.pretrain import JitterParams, PretrainParams, VicregParams


def test_without_a_backbone_the_stage_has_nothing_to_do():
    assert PretrainParams().backbones == ()


def test_the_three_terms_have_the_weights_of_the_paper():
    """Bardes, Ponce, LeCun: VICReg (ICLR 2022), 4.2: lambda = mu = 25, nu = 1."""
    loss = VicregParams()

    assert (loss.invariance, loss.variance, loss.covariance) == (25.0, 25.0, 1.0)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (PretrainParams, {"batch_size": 7}),  # a variance over the batch needs a batch
        (PretrainParams, {"seed": -1}),
        (PretrainParams, {"learning_rate": 0.0}),
        (JitterParams, {"stretch": 1.0}),  # all HU would become those of air
        (VicregParams, {"width": 1}),  # no second dimension to differ from
    ],
)
def test_what_cannot_be_trained_with_is_refused(section, values):
    with pytest.raises(ValidationError):
        section(**values)
