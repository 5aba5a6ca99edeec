"""On what a frozen network computes, and with how many bits.

`bfloat16` keeps the values of `float32` to about two digits at half the bits: layers that multiply matrices
take bfloat16 and sum in float32 (torch's autocast). How near that comes depends on the network: see
`depths.agreeing_engine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from lungml.errors import ParamsError
from lungml.params.model import Precision

_FIRST_GPU_WITH_BFLOAT16 = 8


@dataclass(frozen=True)
class Engine:
    """A device as torch names it, such as `cpu` or `cuda:1`, and the precision it computes with."""

    device: str = "cpu"
    precision: Precision = "float32"


EXACT = Engine()
"""Whose bytes are the same on every processor of a kind."""


def choose_engine(device: str, precision: Precision) -> Engine:
    """The engine of a run.

    A processor without bfloat16 instructions is not refused: it gives the same values, so that one
    params.yaml holds for all machines; it is only no faster than with float32 (`is_accelerated`).

    Raises:
        ParamsError: the GPU cannot compute bfloat16.
    """
    engine = Engine(device, precision)
    if device != "cpu" and not is_accelerated(engine):
        raise ParamsError(
            f"embed.precision is bfloat16, and {torch.cuda.get_device_name(device)} cannot compute it (GPUs "
            "from Ampere on can); set embed.precision: float32 in params.yaml, or LUNGML_DEVICE=cpu"
        )
    return engine


def is_accelerated(engine: Engine) -> bool:
    """Whether the hardware has instructions for the precision."""
    if engine.precision == "float32":
        return True
    if engine.device == "cpu":
        instructions = torch.cpu.get_capabilities()
        return any(instructions.get(name, False) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))
    return torch.cuda.get_device_capability(engine.device)[0] >= _FIRST_GPU_WITH_BFLOAT16


@contextmanager
def stepping(precision: Precision) -> Iterator[None]:
    """Compute forward passes of a training on the CPU with this precision."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        yield


@contextmanager
def computing(engine: Engine) -> Iterator[None]:
    """Compute without gradients and with the engine's precision; on a GPU float32 is float32, not TF32."""
    kind = torch.device(engine.device).type
    halved = engine.precision == "bfloat16"
    with (
        torch.inference_mode(),
        torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
        torch.autocast(kind, torch.bfloat16, enabled=halved),
    ):
        yield
