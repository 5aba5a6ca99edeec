"""The project's folder: parameters, DVC, disk, weights."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lungml.errors import ParamsError
from lungml.health.state import Check, State

if TYPE_CHECKING:
    from lungml.params import Params

_LITTLE_GB = 10.0
_STAGE = re.compile(r"^  ([a-z]+)(?:@[^:\n]+)?:$", re.MULTILINE)


def check_workspace(root: Path) -> Iterator[Check]:
    """Whether `root` can be worked in."""
    try:
        from lungml.params import load_params

        params = load_params(root / "params.yaml")
        source = f"acquire.source is {params.acquire.source}"
        yield Check("parameters", State.GOOD, f"params.yaml is valid; {source}")
        yield _weights(params)
    except ParamsError as error:
        first, *others = str(error).splitlines()
        yield Check("parameters", State.BAD, first, tuple(line.strip() for line in others))
    yield _dvc(root)
    free = shutil.disk_usage(root).free / 1e9
    enough = free >= _LITTLE_GB
    yield Check(
        "disk",
        State.GOOD if enough else State.BAD,
        f"{free:.0f} GB free" + ("" if enough else "; make space"),
    )


def _weights(params: Params) -> Check:
    weights = params.weights
    if weights.source == "random":
        return Check("weights", State.NOTE, "random, from weights.seed; results are for trying things out")
    if weights.folder is None:
        return Check("weights", State.GOOD, "pretrained, from the timm hub or its cache")
    missing = [
        name for name in params.embed.backbones if not (weights.folder / f"{name}.safetensors").is_file()
    ]
    if not weights.folder.is_dir() or missing:
        text = f"weights.folder {weights.folder} has no file named after {', '.join(missing) or 'a backbone'}"
        return Check("weights", State.NOTE, f"{text}; timm's own names are looked for too")
    return Check(
        "weights", State.GOOD, f"pretrained, {len(params.embed.backbones)} files in {weights.folder}"
    )


def _dvc(root: Path) -> Check:
    if not (root / "dvc.yaml").is_file() or not (root / ".dvc").is_dir():
        return Check("DVC", State.BAD, f"{root} is no DVC project; run lungml in the project's root folder")
    lock = root / "dvc.lock"
    done = set(_STAGE.findall(lock.read_text(encoding="utf-8"))) if lock.is_file() else set()
    known = set(_STAGE.findall((root / "dvc.yaml").read_text(encoding="utf-8")))
    waiting = sorted(known - done)
    if not waiting:
        return Check(
            "DVC", State.GOOD, f"all {len(known)} stages have run; `dvc status` says which are out of date"
        )
    return Check(
        "DVC", State.NOTE, f"{len(waiting)} of {len(known)} stages have not run: {', '.join(waiting)}"
    )
