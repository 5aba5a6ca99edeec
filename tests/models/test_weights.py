from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from lungml.errors import ModelError
from lungml.models.weights import weights_file


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def silent_port():
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_hub_that_refuses_the_connection_is_given_up_at_once(no_cache):
    no_cache.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")

    with pytest.raises(ModelError, match=r"127\.0\.0\.1:1 does not answer"):
        weights_file("resnet18", "resnet18.a1_in1k", None, hub=True)


def test_a_hub_that_never_answers_is_given_up_within_five_seconds(no_cache, silent_port):
    no_cache.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent_port}")
    started = time.monotonic()

    with pytest.raises(ModelError, match=r"resnet18\.safetensors .* weights\.source: random"):
        weights_file("resnet18", "resnet18.a1_in1k", None, hub=True)

    assert time.monotonic() - started < 5


def test_offline_mode_asks_nobody(no_cache):
    no_cache.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        weights_file("resnet18", "resnet18.a1_in1k", None, hub=True)


def test_weights_downloaded_before_are_found_without_the_hub(no_cache, tmp_path):
    no_cache.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    repository = tmp_path / "hub/models--timm--resnet18.a1_in1k"
    snapshot = repository / "snapshots/abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("abc")
    (snapshot / "model.safetensors").write_bytes(b"weights")

    found = weights_file("resnet18", "resnet18.a1_in1k", None, hub=True)

    assert found.read_bytes() == b"weights"


@pytest.mark.parametrize("stem", ["resnet18", "resnet18.a1_in1k"])
def test_a_folder_may_use_our_name_or_timms(tmp_path, stem):
    (tmp_path / f"{stem}.safetensors").touch()

    found = weights_file("resnet18", "resnet18.a1_in1k", tmp_path, hub=True)

    assert found == Path(tmp_path / f"{stem}.safetensors")
