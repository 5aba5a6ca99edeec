from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from huggingface_hub import constants
from weights_cards import make_card

from lungml.commands.weights import command
from lungml.errors import ModelError, ParamsError
from lungml.files import sha256_file
from lungml.models.table import BACKBONES
from lungml.models.weights_card import write_card

WEIGHTS = b"weights of a small network"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty folder to work in, with an empty cache of downloads and no hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    return tmp_path


def downloaded(project, name, content=WEIGHTS):
    """Put a file where downloads are kept, as the hub's client does; gives the file itself."""
    repository = project / f"hub/models--timm--{BACKBONES[name].timm_name}"
    blob = repository / "blobs" / sha256_of(WEIGHTS)
    snapshot = repository / "snapshots/abc"
    for folder in (blob.parent, snapshot, repository / "refs"):
        folder.mkdir(parents=True)
    blob.write_bytes(content)
    (repository / "refs/main").write_text("abc")
    (snapshot / "model.safetensors").symlink_to(blob)
    return blob


def sha256_of(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


def call(*words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def lock(project):
    return json.loads((project / "weights.lock.json").read_text())


def test_every_backbone_is_listed_with_source_and_licence():
    lines = call("list").output.splitlines()

    assert [line.split()[0] for line in lines[1:]] == list(BACKBONES)
    assert "regnety_002.pycls_in1k" in (line := next(x for x in lines if x.startswith("regnety")))
    assert "MIT" in line


def test_a_file_on_this_machine_is_listed_as_verified_once_it_was_fetched(project):
    blob = downloaded(project, "resnet18")

    before = next(line for line in call("list").output.splitlines() if line.startswith("resnet18"))
    call("fetch", "resnet18")
    after = next(line for line in call("list").output.splitlines() if line.startswith("resnet18"))

    assert " no " in before
    assert " yes " in after
    assert "model.safetensors" in after
    assert lock(project) == {"resnet18.a1_in1k": sha256_file(blob)}


def test_fetching_to_a_folder_copies_the_file_under_our_name(project):
    downloaded(project, "resnet18")

    result = call("fetch", "resnet18", "--to", "weights")

    assert (project / "weights/resnet18.safetensors").read_bytes() == WEIGHTS
    assert "kept in weights.lock.json" in result.output


def test_a_file_put_into_the_folder_by_hand_is_locked_without_the_hub(project):
    (project / "weights").mkdir()
    (project / "weights/resnet10t.safetensors").write_bytes(WEIGHTS)

    call("fetch", "resnet10t", "--to", "weights")

    assert lock(project) == {"resnet10t.c3_in1k": sha256_of(WEIGHTS)}
    assert "verified" in call("verify", "resnet10t", "--folder", "weights").output


def test_what_is_fetched_again_must_be_what_was_fetched_first(project):
    downloaded(project, "resnet18")
    (project / "weights.lock.json").write_text(json.dumps({"resnet18.a1_in1k": "0" * 64}))

    with pytest.raises(ModelError, match=r"is not the weights resnet18\.a1_in1k"):
        call("fetch", "resnet18", "--to", "weights")
    assert not (project / "weights").exists()


def test_a_download_that_lost_bytes_is_refused_by_the_name_the_hub_gave_it(project):
    downloaded(project, "resnet18", content=WEIGHTS[:-1])

    with pytest.raises(ModelError, match="not what the hub sent"):
        call("fetch", "resnet18", "--to", "weights")
    assert not (project / "weights.lock.json").exists()


def test_without_a_hub_one_sentence_comes_within_five_seconds():
    started = time.monotonic()

    with pytest.raises(ModelError, match=r"127\.0\.0\.1:1 does not answer"):
        call("fetch", "resnet18")

    assert time.monotonic() - started < 5


def test_a_changed_byte_is_found_and_leaves_with_the_code_of_models(project):
    blob = downloaded(project, "resnet18")
    call("fetch", "resnet18")
    assert call("verify").exit_code == 0
    blob.write_bytes(WEIGHTS[:-1] + b"!")

    with pytest.raises(ModelError, match=r"is not the weights resnet18\.a1_in1k") as refused:
        call("verify")
    assert refused.value.exit_code == 6


def test_a_file_nobody_locked_is_not_called_verified(project):
    downloaded(project, "resnet18")

    with pytest.raises(ModelError, match=r"No SHA-256 of .* is known"):
        call("verify", "resnet18")


def test_weights_that_are_not_here_cannot_be_verified():
    with pytest.raises(
        ModelError, match=r"not on this machine; get them with `lungml weights fetch resnet18`"
    ):
        call("verify", "resnet18")


def test_an_unknown_name_is_refused_before_anything_is_fetched(project):
    downloaded(project, "resnet18")

    with pytest.raises(ParamsError, match="there is no backbone 'resnet'"):
        call("fetch", "resnet18", "resnet")
    assert not (project / "weights.lock.json").exists()


def test_listing_needs_neither_torch_nor_timm():
    code = (
        "import sys; from lungml.commands.weights import command; command(['list'], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0
    )


def test_weights_that_pretraining_made_are_known_by_their_card_and_stay_out_of_the_lock(project):
    path = project / "made" / "mobilenetv2_100_coral.safetensors"
    path.parent.mkdir()
    path.write_bytes(WEIGHTS)
    write_card(path, make_card(weights_sha256=sha256_file(path)))

    listed = call("list", "--folder", path.parent).output.splitlines()
    line = next(line for line in listed if line.startswith("mobilenetv2_100_coral"))
    fetched = call("fetch", "mobilenetv2_100_coral", "--to", path.parent).output

    assert "made by pretrain" in line
    assert " yes " in line
    assert "as known" in fetched
    assert "verified" in call("verify", "--folder", path.parent, "mobilenetv2_100_coral").output
    assert not (project / "weights.lock.json").exists()
