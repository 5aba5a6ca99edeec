"""Every benchmark runs, in its smallest size and without competitors, and what it says can be checked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_cohort import write_cohort

ROOT = Path(__file__).resolve().parents[2]


def run(module, folder, *options):
    """JSON of a benchmark, run as a person runs it."""
    result = folder / "result.json"
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", result, *map(str, options)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(result.read_text())


def test_read_series_times_lungml_and_what_is_installed(tmp_path):
    found = run("read_series", tmp_path, "--slices", 4, "--side", 64, "--rounds", 1, "--codings", "RLE")

    seconds = {(coding, reader): value for coding, reader, value, *_ in found["rows"]}
    assert {coding for coding, _ in seconds} == {"uncompressed", "RLE"}
    assert {"lungml", "pydicom loop", "SimpleITK"} <= {reader for _, reader in seconds}
    assert min(seconds.values()) > 0


def test_a_competitor_that_is_absent_is_named_with_what_to_install(tmp_path):
    found = run("read_series", tmp_path, "--slices", 4, "--side", 64, "--rounds", 1, "--codings")

    readers = {reader for _, reader, *_ in found["rows"]}
    missing = {"MONAI ITKReader", "MONAI PydicomReader", "dicomsdl"} - readers
    for name in missing:
        assert any(name in note and "benchmarks/requirements.txt" in note for note in found["notes"])


def test_headers_are_read_faster_than_pydicom_reads_them(tmp_path):
    found = run("headers", tmp_path, "--files", 600, "--sample", 300, "--rounds", 1)

    rates = {reader: rate for reader, _, rate, _ in found["rows"]}
    assert rates["lungml"] > rates["pydicom stop_before_pixels"]


def test_index_cohort_indexes_every_series_with_one_and_two_workers(tmp_path):
    found = run("index_cohort", tmp_path, "--series", 3, "--slices", 6, "--side", 64)

    assert [(row[0], row[1], row[2]) for row in found["rows"]] == [(1, 3, 18), (2, 3, 18)]


def fuzz(folder, *options):
    """Counts of the fuzz: outcome -> (with a broken header, with broken pixels)."""
    return {row[0]: (row[1], row[3]) for row in run("fuzz", folder, *options)["rows"]}


NEVER = ("uncaught exception", "no end in 5 s", "wrote into the source")


def test_a_few_broken_files_end_well(tmp_path):
    outcomes = fuzz(tmp_path, "--cases", 64, "--chunk", 64)

    assert sum(header + pixels for header, pixels in outcomes.values()) == 64
    assert [outcomes[outcome] for outcome in NEVER] == [(0, 0)] * 3


@pytest.mark.slow
def test_two_thousand_broken_files_end_well(tmp_path):
    outcomes = fuzz(tmp_path, "--cases", 2000, "--chunk", 1000, "--first", 200_000)

    assert [outcomes[outcome] for outcome in NEVER] == [(0, 0)] * 3
    assert outcomes["silently different"][0] <= 1
    assert outcomes["refused"][0] > 500
    assert outcomes["read and equal"][0] > 500


def test_the_audit_of_a_clean_phantom_cohort_raises_nothing(tmp_path):
    found = run("audit", tmp_path, "--nodules", 60, "--size-px", 64)

    rows = {name: counts for name, _, _, *counts in found["rows"]}
    assert {"patients", "copies", "headers", "marks", "all"} <= set(rows)
    assert rows["all"][:2] == [0, 0]


def test_views_times_each_kind_of_view(tmp_path):
    found = run("views", tmp_path, "--images", 4, "--side", 512, "--size-px", 96, "--rounds", 1)

    rows = {(view, who): (ms, ratio) for view, who, ms, ratio in found["rows"]}
    assert {view for view, _ in rows} == {
        "slice, pad-and-resize",
        "slice, field-of-view",
        "nodule, field-of-view",
    }
    assert rows["slice, pad-and-resize", "lungml"][1] == 1
    if ("slice, pad-and-resize", "MONAI") not in rows:
        assert any("MONAI" in note and "benchmarks/requirements.txt" in note for note in found["notes"])


def test_the_bootstrap_gives_scikit_learns_values_in_a_fraction_of_its_time(tmp_path):
    found = run("bootstrap", tmp_path, "--nodules", 600, "--replicates", 256, "--sample", 3, "--rounds", 1)

    rows = {(classes, who): values for classes, who, *values in found["rows"]}
    assert {classes for classes, _ in rows} == {2, 5}
    for (classes, who), (metrics, wall, _, times, apart) in rows.items():
        assert metrics == {2: 13, 5: 21}[classes] - 2 * (who != "lungml")
        assert wall > 0
        assert apart < 1e-12
        # 50 times at full size; of 600 nodules scikit-learn's checks of its input are a smaller share.
        assert times > 10 or who == "lungml"


def test_probes_take_less_time_than_a_fine_tuning_of_every_cell(tmp_path):
    options = ["--backbone", "mobilenetv2_100", "--nodules", 600, "--side", 64, "--sample", 16]
    found = run("screen", tmp_path, *options)

    one, together = found["rows"]
    assert one[1:] == pytest.approx(together[1:])
    assert one[4] == pytest.approx(one[1] / one[2])
    assert one[4] > 5
    assert 0 < one[3] <= one[2]


def test_pretraining_is_judged_on_patients_it_has_not_seen_and_never_on_the_test_part(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    places = ["--views", cohort.views, "--split", cohort.split, "--index", cohort.index]

    found = run("pretrain", tmp_path, *places, "--backbone", "mobilenetv3_small_050", "--epochs", 1)

    cells = [tuple(row[:3]) for row in found["rows"]]
    assert cells == [(target, "random", depth) for target in ("binary", "five") for depth in ("60%", "100%")]
    seen, judged = re.findall(r"(\d+) nodules of (?:the other )?(\d+) patients", found["notes"][0])
    assert int(seen[0]) + int(judged[0]) == 64  # of 104; the others are in the test part
    assert int(seen[1]) + int(judged[1]) == 32


def test_train_times_each_loop_and_a_head_behind_kept_layers_is_much_faster(tmp_path):
    options = ["--backbone", "resnet10t", "--side", 64, "--batch", 8, "--rounds", 1]
    found = run("train", tmp_path, *options, "--fractions", 0.6, 1.0)

    rows = {(frozen, loop): (ms, ratio, share) for frozen, loop, ms, ratio, share in found["rows"]}
    ours = {"lungml float32", "lungml bfloat16", "lungml bfloat16, cached"}
    for frozen in (0.6, 1.0):
        assert {loop for share, loop in rows if share == frozen} >= {"naive float32", "timm bfloat16"} | ours
        naive = rows[frozen, "naive float32"][0]
        for (share, _), (ms, ratio, _) in rows.items():
            assert share != frozen or ratio == pytest.approx(naive / ms)
    assert rows[1.0, "lungml bfloat16, cached"][1] > 5
    assert 0 < rows[0.6, "lungml float32"][2] < 1
    if not any(loop.startswith("Lightning") for _, loop in rows):
        assert any("Lightning" in note and "benchmarks/requirements.txt" in note for note in found["notes"])


def test_maps_cost_little_beside_the_prediction_and_equal_those_of_pytorch_grad_cam(tmp_path):
    options = ["--backbones", "resnet10t", "--images", 16, "--side", 96, "--batch", 8, "--rounds", 3]
    found = run("explain", tmp_path, *options)

    last, earlier = found["rows"]
    assert (last[1], earlier[1]) == ("the last map", "an earlier stage")
    assert last[4] == pytest.approx(last[3] / last[2])
    assert last[7] < 1e-4
