from __future__ import annotations

import pytest
import torch
from torch import nn

from lungml.errors import ParamsError
from lungml.models.heads import HEADS, build_head


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("classes", [2, 5])
def test_a_head_gives_one_logit_a_class(name, classes):
    assert build_head(name, 64, classes)(torch.zeros(3, 64)).shape == (3, classes)


def test_the_mlp_has_the_seed_studys_hidden_layers_and_dropout():
    head = build_head("mlp", 64, 5)

    assert [layer.out_features for layer in head.modules() if isinstance(layer, nn.Linear)] == [256, 128, 5]
    assert sum(isinstance(layer, nn.Dropout) for layer in head.modules()) == 2


def test_an_unknown_head_is_refused_with_the_names_there_are():
    with pytest.raises(ParamsError, match="linear, mlp"):
        build_head("transformer", 64, 2)
