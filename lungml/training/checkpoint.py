"""Checkpoints of a training: whole or not there, checked when read, the last two and the best kept.

They lie in a work folder beside the training's output (never inside it: DVC empties outputs before a run)
and go when the training is done. A file's name holds its SHA-256, so a damaged one is passed over (C02).
"""

from __future__ import annotations

import hashlib
import io
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lungml.errors import ModelError
from lungml.files import atomic_file, sha256_file
from lungml.models.placing import on_processor
from lungml.progress import say
from lungml.signals import requests

_KEPT = 2
_FORMAT = 2
"""Grows when a training can no longer go on from what an older lungml saved."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def work_folder(out: Path) -> Path:
    """Find the place beside `out` where unfinished work on it is kept."""
    return out.with_name(f".{out.name}.work")


class Checkpoints:
    """The checkpoints of one training; `fingerprint` is of all that decides its result."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint

    def save(self, state: dict[str, Any], *, epoch: int, step: int, best_epoch: int = 0) -> None:
        """Write a state, which any machine can read; drop all but the last two and that of the best epoch.

        Args:
            state: tensors on any device, numbers, texts, lists and dicts of them.
            epoch: how many are over.
            step: how many steps of the next one are done.
            best_epoch: the best so far, from 1; 0 is none.
        """
        stream = io.BytesIO()
        torch.save({"format": _FORMAT, "fingerprint": self.fingerprint, "state": on_processor(state)}, stream)
        payload = stream.getvalue()
        digest = hashlib.sha256(payload).hexdigest()
        with atomic_file(self.folder / f"{_place(epoch, step)}.{digest}.pt") as temporary:
            temporary.write_bytes(payload)
        for old in self._files()[:-_KEPT]:
            if not best_epoch or not old.name.startswith(_place(best_epoch, 0)):
                old.unlink()

    def load(self) -> dict[str, Any] | None:
        """Read the newest state that is whole; None if there is none, or it is of another training.

        Raises:
            ModelError: there are checkpoints, and all are damaged.
        """
        for rest in self.folder.glob(".*.tmp-*"):
            rest.unlink()  # of a save that was killed
        files = self._files()
        whole = next((file for file in reversed(files) if _is_whole(file)), None)
        if files and whole is None:
            raise ModelError(
                f"every checkpoint in {self.folder} is damaged (checksums differ). "
                "Delete that folder to train from the beginning"
            )
        if whole is None:
            return None
        saved = torch.load(whole, map_location="cpu", weights_only=True)
        if (saved.get("format"), saved["fingerprint"]) != (_FORMAT, self.fingerprint):
            say(f"  {self.folder} is of other parameters, data or versions: training from the beginning")
            self.clear()
            return None
        state: dict[str, Any] = saved["state"]
        return state

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.pt"))


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM, SIGINT and SIGUSR1 into a question: whether a stop was asked for.

    The second signal acts at once, as it would have without us. Outside the main thread, where Python takes
    no signal handlers, the answer is always no.
    """
    with requests(_SIGNALS) as asked:
        yield asked.is_set


def _place(epoch: int, step: int) -> str:
    """Sorts by age."""
    return f"{epoch:05}-{step:07}"


def _is_whole(file: Path) -> bool:
    return sha256_file(file) == file.suffixes[0].removeprefix(".")
