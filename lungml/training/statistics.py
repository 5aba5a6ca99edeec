"""Batch norm over the images of all processes: a batch has one mean and variance, however it is shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from lungml.training.processes import Processes


@contextmanager
def shared_statistics(network: nn.Module, processes: Processes) -> Iterator[None]:
    """Let the batch norm layers of `network` that are in training see the images of all processes.

    torch's SyncBatchNorm is for GPUs alone; this is the same arithmetic anywhere.
    """
    layers = [each for each in network.modules() if isinstance(each, _BatchNorm)]
    if processes.count == 1:
        layers = []
    for layer in layers:
        layer.forward = partial(forward, layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def exchanges_statistics(network: nn.Module) -> bool:
    """Whether a step through `network` waits for other processes in its middle."""
    return any(
        isinstance(each, _BatchNorm) and each.training and "forward" in vars(each)
        for each in network.modules()
    )


@torch.compiler.disable  # type: ignore[untyped-decorator]
def forward(layer: _BatchNorm, images: Tensor) -> Tensor:
    """(N, C, ...) -> the same shape, by mean and variance over the N of all processes."""
    if not layer.training:
        plain: Tensor = type(layer).forward(layer, images)
        return plain
    values = images.float()
    axes = [axis for axis in range(values.ndim) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(values.ndim)]
    own = values.new_tensor([values.numel() / values.shape[1]])
    sums = _summed(torch.cat([values.sum(axes), own]))
    mean, count = sums[:-1] / sums[-1], sums[-1].detach()
    centred = values - mean.view(shape)
    variance = _summed(centred.square().sum(axes)) / count
    _follow(layer, mean.detach(), variance.detach() * count / (count - 1))
    scaled = centred * (variance + layer.eps).rsqrt().view(shape)
    if layer.affine:
        scaled = scaled * layer.weight.view(shape) + layer.bias.view(shape)
    made = scaled.to(images.dtype)
    for last in ("drop", "act"):  # of timm's layers, which end with an activation
        made = getattr(layer, last, nn.Identity())(made)
    return made


def _summed(values: Tensor) -> Tensor:
    """Over all processes; so is its gradient."""
    total: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]
    return total


@torch.no_grad()
def _follow(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if layer.running_mean is None or layer.running_var is None or layer.num_batches_tracked is None:
        return
    layer.num_batches_tracked.add_(1)
    rate = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, rate)
    layer.running_var.lerp_(variance, rate)
