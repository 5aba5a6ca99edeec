from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lungml.embeddings import (
    Embeddings,
    has_twin,
    kept_embeddings,
    neighbours_kept,
    read_embeddings,
    write_embeddings,
)
from lungml.errors import InputError, MissingInputError
from lungml.terms import View


def embeddings(count: int = 3) -> Embeddings:
    rng = np.random.default_rng(0)
    by_depth = {depth: rng.normal(size=(count, 4)).astype(np.float32) for depth in (0.2, 0.55, 1.0)}
    ids = tuple(f"n{number}" for number in range(count))
    return Embeddings("resnet10t", "random", ids, by_depth, weights_note="random (seed 1)")


def test_what_is_written_is_read_back(tmp_path):
    write_embeddings(tmp_path, View.SLICE, embeddings())

    found = read_embeddings(tmp_path, View.SLICE)

    assert (found.backbone, found.weights, found.weights_note) == ("resnet10t", "random", "random (seed 1)")
    assert found.nodule_ids == ("n0", "n1", "n2")
    assert list(found.by_depth) == [0.2, 0.55, 1.0]
    for depth, vectors in embeddings().by_depth.items():
        assert (found.by_depth[depth] == vectors).all()


def test_where_they_come_from_is_read_back(tmp_path):
    written = replace(embeddings(), weights_sha256="ab", precision="bfloat16", content_key="cd")
    write_embeddings(tmp_path, View.SLICE, written)

    found = read_embeddings(tmp_path, View.SLICE)

    assert (found.weights_sha256, found.precision, found.content_key) == ("ab", "bfloat16", "cd")


def test_a_twin_lies_beside_and_is_read_only_when_asked_for(tmp_path):
    twin = replace(embeddings(), weights_note="random (seed 9)")
    write_embeddings(tmp_path, View.SLICE, embeddings())
    assert not has_twin(tmp_path, View.SLICE)

    write_embeddings(tmp_path, View.SLICE, twin, twin=True)

    assert has_twin(tmp_path, View.SLICE)
    assert read_embeddings(tmp_path, View.SLICE).weights_note == "random (seed 1)"
    assert read_embeddings(tmp_path, View.SLICE, twin=True).weights_note == "random (seed 9)"
    with pytest.raises(MissingInputError, match=r"twin-nodule\.json"):
        read_embeddings(tmp_path, View.NODULE, twin=True)


def test_kept_embeddings_are_used_for_the_same_content_alone(tmp_path):
    write_embeddings(tmp_path, View.SLICE, replace(embeddings(), content_key="this"))

    assert kept_embeddings(tmp_path, View.SLICE, "this").nodule_ids == ("n0", "n1", "n2")
    assert kept_embeddings(tmp_path, View.SLICE, "that") is None
    assert kept_embeddings(tmp_path, View.SLICE, "this", twin=True) is None
    assert kept_embeddings(tmp_path / "nowhere", View.SLICE, "this") is None


def test_kept_embeddings_that_have_changed_are_not_used(tmp_path):
    write_embeddings(tmp_path, View.SLICE, replace(embeddings(), content_key="this"))
    path = tmp_path / "slice.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")

    assert kept_embeddings(tmp_path, View.SLICE, "this") is None


def test_equal_embeddings_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        write_embeddings(tmp_path / name, View.NODULE, embeddings())

    for file in ("nodule.safetensors", "nodule.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_others_may_read_the_tensors_where_they_may_read_the_table(tmp_path):
    write_embeddings(tmp_path, View.NODULE, embeddings())

    modes = {path.suffix: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes[".safetensors"] == modes[".json"]


def test_changed_tensors_are_refused(tmp_path):
    write_embeddings(tmp_path, View.SLICE, embeddings())
    path = tmp_path / "slice.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")

    with pytest.raises(InputError, match=r"slice\.safetensors has changed"):
        read_embeddings(tmp_path, View.SLICE)


@pytest.mark.parametrize("file", ["slice.safetensors", "slice.json"])
def test_a_missing_file_is_named(tmp_path, file):
    write_embeddings(tmp_path, View.SLICE, embeddings())
    (tmp_path / file).unlink()

    with pytest.raises(MissingInputError, match=file):
        read_embeddings(tmp_path, View.SLICE)


def test_values_that_are_not_finite_are_not_written(tmp_path):
    broken = embeddings()
    broken.by_depth[1.0][1, 2] = np.inf

    with pytest.raises(ValueError, match=r"resnet10t at depth 1\.0"):
        write_embeddings(tmp_path, View.SLICE, broken)


def test_reading_embeddings_needs_no_torch():
    code = "import sys, lungml.embeddings, safetensors.numpy; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_changed_keeps_all_neighbours_and_noise_keeps_as_many_as_chance():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 16)).astype(np.float32)
    rows = np.arange(0, 500, 5)

    assert neighbours_kept(vectors, rows, vectors[rows]) == 1.0
    assert neighbours_kept(vectors, rows, 3 * vectors[rows[::-1]]) < 0.08


def test_neighbours_kept_on_a_line_are_those_a_person_counts():
    """0 1 2 3 4 moved from 0 to 4: of its neighbours 1, 2 it keeps 2."""
    vectors = np.arange(5, dtype=np.float32)[:, None]

    assert neighbours_kept(vectors, np.array([0]), vectors[[4]] - 1.2, neighbours=2) == 0.5


def test_a_change_of_scale_of_one_component_does_not_matter():
    rng = np.random.default_rng(1)
    vectors, rows = rng.normal(size=(200, 4)).astype(np.float32), np.arange(50)
    changed = vectors[rows] + rng.normal(scale=0.2, size=(50, 4)).astype(np.float32)
    stretch = np.array([1, 100, 1, 0.01], np.float32)

    plain = neighbours_kept(vectors, rows, changed)
    assert 0.3 < plain < 1
    assert neighbours_kept(vectors * stretch, rows, changed * stretch) == pytest.approx(plain, abs=0.01)
