"""A frozen network as one program for this processor: layers fused by OpenVINO, no Python between them.

Each image goes through alone and on one thread; several threads take images in turn. So an image gives the
same bytes in any batch and with any number of threads. Single images are also the fastest: they stay in the
cache.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lungml.errors import ModelError, ParamsError
from lungml.params.model import Library, Precision

_PAYS_FROM = 1500
"""Images. Start-up takes 0.4 to 3 s, which 200 images of 224 px make good, and 1,300 of 96 px."""
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


def is_worth_compiling(asked: Library, device: str, images: int) -> bool:
    """Whether to compile a network for so many images; never for a GPU, whose own library is torch.

    The number of images decides, not a clock, so that the same content is computed in the same way.

    Raises:
        ParamsError: OpenVINO is asked for and not installed.
    """
    if asked == "torch" or device != "cpu":
        return False
    is_there = find_spec("openvino") is not None
    if asked == "openvino" and not is_there:
        raise ParamsError(
            "embed.library is openvino, and OpenVINO is not installed here; install requirements.lock, or "
            "set embed.library: auto"
        )
    return is_there and (asked == "openvino" or images >= _PAYS_FROM)


class ConvertedNetwork:
    """A network in OpenVINO's form, for images of one shape: still without a precision.

    Args:
        network: images (n, C, H, W) -> a tuple of (n, D) tensors; in evaluation mode, on the processor.
        image: any (1, C, H, W).

    Raises:
        ModelError: the network cannot be traced, or OpenVINO does not know an operation of it.
    """

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        openvino = _openvino()
        try:
            with torch.inference_mode(), _silent_about_shapes():
                traced = torch.jit.trace(network, image, check_trace=False, strict=False)  # type: ignore[no-untyped-call]
            self._model = openvino.convert_model(traced, example_input=image)
            self._model.reshape(list(image.shape))
        except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(
                f"OpenVINO cannot convert this network ({reason}); set embed.library: torch"
            ) from error

    def compiled(self, precision: Precision, threads: int) -> CompiledNetwork:
        """A program with as many threads."""
        options = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,  # one thread each
            "ENABLE_CPU_PINNING": False,  # others work on this machine too
        }
        program = _core().compile_model(self._model, "CPU", options)
        return CompiledNetwork(_openvino().AsyncInferQueue(program, threads))


class CompiledNetwork:
    """Images (n, C, H, W) -> (n, D) float32 of each output."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def __call__(self, images: Tensor) -> list[NDArray[np.float32]]:
        """Outputs in the network's order, rows in the order of images."""
        rows: list[list[NDArray[np.float32]]] = [[] for _ in images]

        def keep(request: Any, number: int) -> None:
            rows[number] = [output.data.copy() for output in request.output_tensors]

        self._queue.set_callback(keep)
        for number, image in enumerate(images.contiguous().numpy()):
            self._queue.start_async([image[np.newaxis]], number)
        self._queue.wait_all()
        return [np.concatenate(each) for each in zip(*rows, strict=True)]


def _openvino() -> Any:
    """OpenVINO without its telemetry, which reports every conversion to its makers unless told not to."""
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # its import fails, OpenVINO does without
    import openvino.frontend

    return openvino


_TELEMETRY = "openvino_telemetry"


@cache
def _core() -> Any:
    """OpenVINO's root object, one for as long as the process lives.

    Each gives the thread that makes it a stack for signal handlers, and puts the one before back when it
    goes. Of two, the second puts back what the first has given up: the next signal, such as Ctrl-C, would be
    a segmentation fault.
    """
    return _openvino().Core()


@contextmanager
def _silent_about_shapes() -> Iterator[None]:
    """Tracing warns where timm compares shapes; this trace is used for no other shape."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
        yield
