from __future__ import annotations

import json

import pytest

from lungml.errors import InputError, ModelError
from lungml.files import sha256_file
from lungml.models.table import BACKBONES
from lungml.models.weights_lock import keep_sha256, known_sha256, verified_sha256

RESNET = BACKBONES["resnet18"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "resnet18.safetensors"
    path.write_bytes(b"weights as fetched")
    return path


def test_what_was_fetched_first_is_known_ever_after(tmp_path, file):
    lock = tmp_path / "lock.json"

    assert known_sha256(RESNET, lock) == ""
    assert keep_sha256(RESNET, verified_sha256(RESNET, file, lock), lock)
    assert not keep_sha256(RESNET, "0" * 64, lock)

    assert known_sha256(RESNET, lock) == sha256_file(file)
    assert verified_sha256(RESNET, file, lock) == sha256_file(file)


def test_a_file_with_one_byte_changed_is_refused(tmp_path, file):
    lock = tmp_path / "lock.json"
    keep_sha256(RESNET, sha256_file(file), lock)
    file.write_bytes(b"weights as fetcheD")

    with pytest.raises(ModelError, match=r"is not the weights resnet18\.a1_in1k: SHA-256 .*lock\.json"):
        verified_sha256(RESNET, file, lock)


def test_the_lock_keeps_the_others_it_holds(tmp_path):
    lock = tmp_path / "lock.json"

    for name in ("resnet18", "resnet10t"):
        keep_sha256(BACKBONES[name], name * 3, lock)

    assert json.loads(lock.read_text()) == {
        "resnet10t.c3_in1k": "resnet10t" * 3,
        "resnet18.a1_in1k": "resnet18" * 3,
    }


def test_a_checksum_of_the_table_counts_more_than_one_of_the_lock(tmp_path):
    coral = BACKBONES["mobilenetv2_100_coral"]
    (tmp_path / "lock.json").write_text(json.dumps({coral.timm_name: "0" * 64}))

    assert known_sha256(coral, tmp_path / "lock.json") == coral.sha256


@pytest.mark.parametrize("text", ["{", "[]", '{"resnet18.a1_in1k": 3}'])
def test_a_lock_that_is_none_stops(tmp_path, text):
    (tmp_path / "lock.json").write_text(text)

    with pytest.raises(InputError, match=r"lock\.json cannot be read .*version control"):
        known_sha256(RESNET, tmp_path / "lock.json")
