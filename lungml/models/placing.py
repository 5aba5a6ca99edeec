"""Networks and states from the machine's memory to that of a device, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lungml.models.precision import Engine


@contextmanager
def placed(network: nn.Module, engine: Engine) -> Iterator[None]:
    """Have a network on the engine's device, in its layout, and afterwards in the machine's memory again."""
    if not engine.on_gpu:
        yield
        return
    network.to(engine.device, memory_format=engine.layout)  # type: ignore[call-overload]
    try:
        yield
    finally:
        network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def on_processor(value: Any) -> Any:
    """The same tensors, numbers and texts, and dicts and lists of them, with all tensors on the processor."""
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {key: on_processor(each) for key, each in value.items()}
    return [on_processor(each) for each in value] if isinstance(value, list) else value
