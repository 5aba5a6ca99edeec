"""The benchmark of embeddings runs in its smallest size, and its figures fit each other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp("benchmark") / "result.json"
    words = ["--backbones", "resnet10t", "--images", "48", "--side", "64", "--batch", "8", "--rounds", "1"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.embed", "--json", str(file), *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def test_each_road_has_a_row_and_timms_is_the_measure(found):
    roads = {row[1]: row for row in found["rows"]}

    ours = [f"lungml {how}" for how in ("float32", "bfloat16", "float32 compiled", "bfloat16 compiled")]
    assert list(roads) == ["timm loop", *ours]
    assert roads["timm loop"][3] == 1
    for row in roads.values():
        assert row[3] == pytest.approx(row[2] / roads["timm loop"][2])


def test_each_road_says_how_far_it_is_off(found):
    off = {row[1]: row[6] for row in found["rows"]}

    assert off["timm loop"] == off["lungml float32"] == 0
    assert 0 < off["lungml float32 compiled"] < 1e-4
    assert all(1e-7 < off[f"lungml bfloat16{how}"] < 0.01 for how in ("", " compiled"))


def test_only_a_compiled_network_has_a_start_up(found):
    assert [row[1] for row in found["rows"] if row[7]] == [
        "lungml float32 compiled",
        "lungml bfloat16 compiled",
    ]


def test_the_work_of_an_image_is_that_of_its_layers(found):
    """ResNet-10-T at 224 px takes 1.1 billion multiplications (timm's tables); work goes with the area."""
    per_image = [row[4] / row[2] for row in found["rows"]]

    assert per_image == pytest.approx([2 * 1.1 * (64 / 224) ** 2] * 5, rel=0.12)
