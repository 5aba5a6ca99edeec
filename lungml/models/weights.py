"""Where the file with a backbone's pretrained weights is: in a folder, or on the hub timm publishes on."""

from __future__ import annotations

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
    if folder is None:
        return _from_hub(name, timm_name) if hub else _refuse(name, timm_name, "the hub does not have them")
    for stem in (name, timm_name):
        path = folder / f"{stem}.safetensors"
        if path.is_file():
            return path
    return _refuse(name, timm_name, f"{folder} has neither {name}.safetensors nor {timm_name}.safetensors")


def hub_page(timm_name: str) -> str:
    """Where a person finds the weights."""
    return f"https://huggingface.co/timm/{timm_name}"


def _from_hub(name: str, timm_name: str) -> Path:
    import httpx
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    repository = f"timm/{timm_name}"
    cached = try_to_load_from_cache(repository, _HUB_FILE)
    if isinstance(cached, str):
        return Path(cached)
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
        f"{hub_page(timm_name)} as {name}.safetensors into a folder and name it in weights.folder, "
        "or set weights.source: random in params.yaml"
    )
