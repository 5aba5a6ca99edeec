"""On what a frozen network computes, and with how many bits.

`bfloat16` keeps the values of `float32` to about two digits at half the bits: layers that multiply matrices
take bfloat16 and sum in float32 (torch's autocast). How near that comes depends on the network: see
`embedder.agreeing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from lungml.errors import ParamsError
from lungml.params.model import Precision, TrainingPrecision

_FIRST_GPU_WITH_BFLOAT16 = 8


@dataclass(frozen=True)
class Engine:
    """A device as torch names it, such as `cpu` or `cuda:1`, and the precision it computes with."""

    device: str = "cpu"
    precision: Precision = "float32"

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device != "cpu"

    @property
    def layout(self) -> torch.memory_format:
        """Order of images and kernels in memory while training: channels last is what GPUs compute in."""
        return torch.channels_last if self.on_gpu else torch.preserve_format


EXACT = Engine()
"""Whose bytes are the same on every processor of a kind."""


def choose_engine(device: str, precision: TrainingPrecision, parameter: str = "embed.precision") -> Engine:
    """The engine of a run.

    A processor without bfloat16 instructions is not refused: it gives the same values, so that one
    params.yaml holds for all machines; it is only no faster than with float32 (`is_accelerated`).

    Args:
        device: as torch names it.
        precision: `auto` is bfloat16 on a GPU that has it, else float32.
        parameter: where the precision was asked for.

    Raises:
        ParamsError: the GPU cannot compute bfloat16.
    """
    if precision == "auto":
        halved = Engine(device, "bfloat16")
        return halved if halved.on_gpu and is_accelerated(halved) else Engine(device)
    engine = Engine(device, precision)
    if engine.on_gpu and not is_accelerated(engine):
        raise ParamsError(
            f"{parameter} is bfloat16, and {torch.cuda.get_device_name(device)} cannot compute it (GPUs "
            f"from Ampere on can); set {parameter}: float32 in params.yaml, or LUNGML_DEVICE=cpu"
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
def stepping(engine: Engine) -> Iterator[None]:
    """Compute forward passes of a training with the engine's precision."""
    kind = torch.device(engine.device).type
    with torch.autocast(kind, torch.bfloat16, enabled=engine.precision == "bfloat16"):
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
