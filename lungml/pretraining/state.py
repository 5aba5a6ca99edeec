"""Where a pretraining stands: everything a checkpoint must hold for an identical continuation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from lungml.models.backbones import embedding_size
from lungml.params.pretrain import PretrainParams
from lungml.pretraining.vicreg import Terms, build_expander
from lungml.training.determinism import seeded
from lungml.training.optim import build_optimizer, resume_optimizer
from lungml.training.record import Record


@dataclass(frozen=True)
class PretrainRecord(Record):
    """One epoch, for a person and for the curve; means over its steps, `epoch` counts from 1.

    `deviation` is that of the expander's dimensions over a batch: 1 is the goal, 0 is a constant answer.
    `images_per_s` and `seconds` depend on the machine and the hour and are not written into outputs.
    """

    epoch: int
    loss: float
    invariance: float
    variance: float
    covariance: float
    deviation: float
    learning_rate: float
    images_per_s: float
    seconds: float


@dataclass
class _Tally:
    """Sums over the nodules of the present epoch."""

    loss: float = 0.0
    invariance: float = 0.0
    variance: float = 0.0
    covariance: float = 0.0
    deviation: float = 0.0
    nodules: int = 0
    seconds: float = 0.0


class PretrainState:
    """Backbone, expander, optimizer and records of a pretraining; all of it where the backbone is."""

    def __init__(self, backbone: nn.Module, params: PretrainParams) -> None:
        with seeded(params.seed):
            expander = build_expander(embedding_size(backbone), params.loss.width)
        expander.to(next(backbone.parameters()).device)
        self.network = nn.Sequential(backbone, expander)
        self.optimizer = build_optimizer(params.optimizer, self.network, params.weight_decay)
        self.epoch = 0
        self.step = 0
        self.records: list[PretrainRecord] = []
        self._tally = _Tally()
        self._mark = 0.0

    def open_epoch(self) -> None:
        """Start the clock; after a resume, the sums of the epoch's earlier steps are there already."""
        self._mark = time.perf_counter()

    def finish_step(self, loss: Tensor, terms: Terms, nodules: int) -> None:
        """Apply the gradients of a step and count it."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        names = ("loss", *(field.name for field in fields(terms)))
        values = (loss, *(getattr(terms, name) for name in names[1:]))
        means = torch.stack([value.detach() for value in values]).tolist()  # a GPU is waited for once
        tally, now = self._tally, time.perf_counter()
        for name, mean in zip(names, means, strict=True):
            setattr(tally, name, getattr(tally, name) + mean * nodules)
        tally.nodules += nodules
        tally.seconds += now - self._mark
        self._mark = now

    def close_epoch(self) -> PretrainRecord:
        """Record the epoch and make ready for the next."""
        self.epoch += 1
        sums = asdict(self._tally)
        nodules, seconds = sums.pop("nodules"), sums.pop("seconds")
        record = PretrainRecord(
            epoch=self.epoch,
            **{name: total / nodules for name, total in sums.items()},
            learning_rate=self.optimizer.param_groups[0]["lr"],
            images_per_s=2 * nodules / seconds,
            seconds=seconds,
        )
        self.records.append(record)
        self.step, self._tally = 0, _Tally()
        return record

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: tensors, numbers and texts."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "records": [asdict(record) for record in self.records],
            "tally": asdict(self._tally),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of the same pretraining."""
        self.network.load_state_dict(saved["network"])
        resume_optimizer(self.optimizer, saved["optimizer"])
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.records = [PretrainRecord(**record) for record in saved["records"]]
        self._tally = _Tally(**saved["tally"])
