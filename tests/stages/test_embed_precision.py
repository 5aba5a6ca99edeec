"""Embeddings in bfloat16 and by a compiled network are nearly the same, or computed as usual."""

from __future__ import annotations

import numpy as np
import pytest
from embedded_views import embed, write_inputs

from lungml.embeddings import read_embeddings
from lungml.files import sha256_file
from lungml.models.precision import Engine, is_accelerated
from lungml.terms import View


def test_bfloat16_gives_nearly_the_same_and_says_so(tmp_path):
    root = write_inputs(tmp_path)

    exact, halved = (
        read_embeddings(embed(root, precision, backbone="regnety_002", precision=precision), View.NODULE)
        for precision in ("float32", "bfloat16")
    )

    assert (exact.precision, halved.precision) == ("float32", "bfloat16")
    for depth in (0.5, 1.0):
        lengths = np.linalg.norm(exact.by_depth[depth], axis=1)
        off = np.linalg.norm(halved.by_depth[depth] - exact.by_depth[depth], axis=1)
        assert 0 < (off / lengths).max() < 0.015


def test_float32_takes_over_where_bfloat16_would_be_off_by_more_than_the_tolerance(tmp_path, capsys):
    root = write_inputs(tmp_path)

    exact = read_embeddings(embed(root, "exact"), View.NODULE)
    found = read_embeddings(embed(root, "strict", precision="bfloat16", tolerance=1e-6), View.NODULE)

    assert found.precision == "float32"
    assert (found.by_depth[1.0] == exact.by_depth[1.0]).all()
    assert "nodule views are embedded with float32" in capsys.readouterr().err


def test_a_compiled_network_gives_nearly_the_same_and_the_file_says_so(tmp_path):
    root = write_inputs(tmp_path)

    plain, compiled = (
        read_embeddings(embed(root, library, library=library), View.NODULE)
        for library in ("torch", "openvino")
    )

    assert (plain.library, compiled.library) == ("torch", "openvino")
    assert (plain.precision, compiled.precision) == ("float32", "float32")
    assert plain.content_key != compiled.content_key
    for depth in (0.5, 1.0):
        assert not (compiled.by_depth[depth] == plain.by_depth[depth]).all()
        assert compiled.by_depth[depth] == pytest.approx(plain.by_depth[depth], abs=1e-4)


def test_compiled_networks_give_the_same_bytes_again(tmp_path):
    first, again = (
        embed(write_inputs(tmp_path / project / "root"), library="openvino") for project in ("first", "again")
    )

    for file in first.iterdir():
        assert sha256_file(file) == sha256_file(again / file.name)


def test_few_images_are_not_worth_compiling(tmp_path):
    assert read_embeddings(embed(write_inputs(tmp_path)), View.NODULE).library == "torch"


@pytest.mark.skipif(
    not is_accelerated(Engine("cpu", "bfloat16")), reason="OpenVINO takes float32 on this processor anyway"
)
def test_a_compiled_network_goes_back_to_float32_before_it_goes_back_to_torch(tmp_path, capsys):
    out = embed(write_inputs(tmp_path), precision="bfloat16", tolerance=1e-4, library="openvino")

    found = read_embeddings(out, View.NODULE)
    assert (found.precision, found.library) == ("float32", "openvino")
    assert "bfloat16 (openvino) would change" in (said := capsys.readouterr().err)
    assert "nodule views are embedded with float32 (openvino)" in said
