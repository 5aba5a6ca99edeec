import time

import pytest

from lungml.errors import ParamsError
from lungml.system_metrics import Measurement, keep, kept, read_samples, sampled

BUNDLE = "b" * 64


def steps(log):
    return sorted({measured.step for measured in read_samples(log)})


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")


def test_the_machine_is_measured_while_the_block_runs_and_when_it_ends(tmp_path, often):
    began = time.time_ns() // 1_000_000
    with sampled(tmp_path / "log.jsonl"):
        while len(steps(tmp_path / "log.jsonl")) < 3:
            time.sleep(0.01)

    measured = read_samples(tmp_path / "log.jsonl")
    times = {each.step: each.time_ms for each in measured}
    assert len(times) >= 4
    assert began <= times[0] < times[1] < times[2] <= time.time_ns() // 1_000_000
    assert {each.name for each in measured if each.step == 0} >= {"system/cpu_utilization_percentage"}


def test_a_block_shorter_than_the_interval_is_measured_once(tmp_path):
    with sampled(tmp_path / "log.jsonl"):
        pass

    assert steps(tmp_path / "log.jsonl") == [0]


def test_a_run_that_goes_on_adds_and_a_line_that_was_cut_short_is_left_out(tmp_path):
    log = tmp_path / "log.jsonl"
    with sampled(log):
        pass
    with log.open("a") as stream:
        stream.write('{"time_ms": 17, "val\n')
    with sampled(log):
        pass

    assert steps(log) == [0, 2]


def test_an_error_in_the_block_comes_through_and_ends_the_measuring(tmp_path, often):
    with pytest.raises(KeyError), sampled(tmp_path / "log.jsonl"):
        raise KeyError

    found = (tmp_path / "log.jsonl").read_bytes()
    time.sleep(0.2)
    assert (tmp_path / "log.jsonl").read_bytes() == found


def test_a_log_that_cannot_be_written_ends_no_training(tmp_path, capfd):
    (tmp_path / "file").write_text("")

    with sampled(tmp_path / "file" / "log.jsonl"):
        time.sleep(0.05)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["0", "-1", "often", "nan", "inf"])
def test_an_interval_that_is_none_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", text)

    with pytest.raises(ParamsError, match=r"SAMPLING_INTERVAL is '.*'; expected a number of seconds above 0"):
        sampled(tmp_path / "log.jsonl").__enter__()
    assert list(tmp_path.iterdir()) == []


def test_measurements_are_found_again_for_the_bundle_they_are_of_and_for_no_other(tmp_path):
    measured = [Measurement("cpu_utilization_percentage", 97.5, 1_800_000_000_000, 3)]

    keep(tmp_path / "model", BUNDLE, measured)

    assert kept(tmp_path / "model", BUNDLE) == measured
    assert kept(tmp_path / "model", "c" * 64) == []
    assert kept(tmp_path / "another", BUNDLE) == []
    assert not (tmp_path / "model").exists()  # a bundle has nothing of the machine in it
