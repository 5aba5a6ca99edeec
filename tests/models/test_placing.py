"""What the processor can show; `tests/training/test_cuda.py` shows the same of a GPU."""

import torch
from torch import nn

from lungml.models.placing import on_processor, placed
from lungml.models.precision import EXACT


def test_on_the_processor_a_network_keeps_its_layout():
    network = nn.Conv2d(2, 4, 3).to(memory_format=torch.channels_last)

    with placed(network, EXACT):
        assert network.weight.is_contiguous(memory_format=torch.channels_last)
    assert network.weight.is_contiguous(memory_format=torch.channels_last)


def test_what_is_saved_keeps_its_form_and_lies_on_the_processor():
    weights = torch.ones(2)
    state = {"weights": weights, "groups": [{"lr": 0.1, "step": torch.tensor(3)}], "best": None}

    saved = on_processor(state)

    assert saved == state
    assert saved["weights"] is weights
