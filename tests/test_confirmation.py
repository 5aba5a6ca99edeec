import pytest
from training_examples import RECIPE, make_data

from lungml.confirmation import Confirmed, choose_cells, finetune_cells, rank_agreement
from lungml.errors import ParamsError
from lungml.models.backbones import build_backbone
from lungml.params.model import TuneParams, WeightsParams
from lungml.screening import Cell

RANKED = [Cell(f"net{number}", 1.0) for number in range(9)]


def test_the_best_or_a_spread_of_cells_is_chosen():
    assert choose_cells(RANKED, 3, spread=False) == RANKED[:3]
    assert choose_cells(RANKED, 3, spread=True) == [RANKED[0], RANKED[4], RANKED[8]]
    assert choose_cells(RANKED, 20, spread=True) == RANKED


@pytest.mark.parametrize(
    ("finetuned", "tau"), [((0.9, 0.8, 0.7), 1.0), ((0.7, 0.8, 0.9), -1.0), ((0.8, 0.9, 0.7), 1 / 3)]
)
def test_agreement_is_kendalls_tau(finetuned, tau):
    confirmed = [
        Confirmed(cell, probed, value)
        for cell, probed, value in zip(RANKED, (0.6, 0.5, 0.4), finetuned, strict=False)
    ]

    assert rank_agreement(confirmed) == pytest.approx(tau)


def test_agreement_of_two_cells_or_of_equal_values_is_not_defined():
    two = [Confirmed(RANKED[0], 0.6, 0.9), Confirmed(RANKED[1], 0.5, 0.8)]

    assert rank_agreement(two) is None
    assert rank_agreement([*two, Confirmed(RANKED[2], 0.4, 0.9)]) == pytest.approx(1 / 3, abs=0.6)
    assert rank_agreement([Confirmed(cell, 0.5, number) for number, cell in enumerate(RANKED)]) is None


def test_the_frozen_layers_of_a_cell_stay_as_they_were(monkeypatch):
    trained = {}
    monkeypatch.setattr("lungml.confirmation.build_classifier", remember(trained))
    tune = TuneParams(epochs=1, recipe=RECIPE)

    (found,) = finetune_cells({Cell("resnet10t", 0.6): 0.5}, make_data(), tune, WeightsParams(seed=1))

    before = build_backbone("resnet10t", in_channels=1, weights=WeightsParams(seed=1)).state_dict()
    after = trained["classifier"].backbone.state_dict()
    changed = {name.split(".")[0] for name in before if not before[name].equal(after[name])}
    assert changed == {"layer3", "layer4"}
    assert 0 < found.finetuned <= 1
    assert found.probed == 0.5


def test_cells_are_trained_on_the_device_that_the_environment_names(monkeypatch):
    monkeypatch.setenv("LUNGML_DEVICE", "cuda:64")

    with pytest.raises(ParamsError, match="LUNGML_DEVICE is cuda:64"):
        next(finetune_cells({Cell("resnet10t", 0.6): 0.5}, make_data(), TuneParams(), WeightsParams(seed=1)))


def remember(trained):
    from lungml.training.assembly import build_classifier

    def build(*arguments, **options):
        trained["classifier"] = build_classifier(*arguments, **options)
        return trained["classifier"]

    return build
