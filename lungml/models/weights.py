"""Where the file with a backbone's pretrained weights is: in a folder, or on the hub timm publishes on."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from lungml.errors import ModelError

_HUB_FILE = "model.safetensors"
_HUB_SECONDS = 4.0
"""How long the hub may take to say that it is there."""


def weights_file(name: str, timm_name: str, folder: Path | None, *, hub: bool) -> Path:
    """The weights of backbone `name`, which timm calls `timm_name`.

    Args:
        name: as in the table of backbones.
        timm_name: architecture.tag.
        folder: searched for `<name>.safetensors`, then `<timm_name>.safetensors`; None asks the hub.
        hub: whether the hub has them.

    Raises:
        ModelError: the file cannot be had; the hub is given up after 4 seconds without an answer.
    """
    if path := local_weights_file(name, timm_name, folder):
        return path
    if folder is not None:
        reason = f"{folder} has neither {name}.safetensors nor {timm_name}.safetensors"
        return _refuse(name, timm_name, reason)
    return _from_hub(name, timm_name) if hub else _refuse(name, timm_name, "the hub does not have them")


def local_weights_file(name: str, timm_name: str, folder: Path | None) -> Path | None:
    """The weights if they are on this machine, in a folder or (None) where downloads of the hub are kept."""
    if folder is None:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(f"timm/{timm_name}", _HUB_FILE)
        return Path(cached) if isinstance(cached, str) else None
    paths = [folder / f"{stem}.safetensors" for stem in (name, timm_name)]
    return next((path for path in paths if path.is_file()), None)


def published_sha256(path: Path) -> str:
    """SHA-256 the hub gave for a file it sent, which is kept under that name; "" for any other file."""
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else ""


def hub_page(timm_name: str) -> str:
    """Where a person finds the weights."""
    return f"https://huggingface.co/timm/{timm_name}"


def _from_hub(name: str, timm_name: str) -> Path:
    import httpx
    from huggingface_hub import constants, hf_hub_download

    repository = f"timm/{timm_name}"
    if constants.HF_HUB_OFFLINE:
        return _refuse(name, timm_name, "HF_HUB_OFFLINE is set and they were never downloaded")
    if not _answers(f"{constants.ENDPOINT}/{repository}/resolve/main/{_HUB_FILE}"):
        return _refuse(name, timm_name, f"{constants.ENDPOINT} does not answer")
    try:
        return Path(hf_hub_download(repository, _HUB_FILE))
    except (OSError, httpx.HTTPError) as error:
        return _refuse(name, timm_name, f"the download failed ({type(error).__name__})")


def _answers(url: str) -> bool:
    """Whether the file can be asked for in time; a thread, as name look-up has no limit of its own."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(_is_there(url)), daemon=True)
    thread.start()
    thread.join(_HUB_SECONDS)
    return answers == [True]


def _is_there(url: str) -> bool:
    import httpx

    try:
        return httpx.head(url, timeout=_HUB_SECONDS, follow_redirects=True).is_success
    except httpx.HTTPError:
        return False


def _refuse(name: str, timm_name: str, reason: str) -> Path:
    raise ModelError(
        f"the pretrained weights of {name} cannot be had: {reason}. Either download "
        f"{hub_page(timm_name)} as {name}.safetensors into a folder and name it in weights.folder, or let "
        f"stage pretrain make them (pretrain.backbones: [{name}], weights.folder: models/pretrained), "
        "or set weights.source: random in params.yaml"
    )
