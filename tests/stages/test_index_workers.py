"""The index is the same whoever made it: other processes, other machines, or a run that was killed."""

import subprocess
import sys
from pathlib import Path

import pytest
from ct_files import body_hu, write_ct
from indexed_readings import SHAPE, cohort, index

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


def test_the_tables_do_not_depend_on_workers_or_file_order(tmp_path, monkeypatch):
    cohort(tmp_path / "raw", ("P1", "P2", "P3"))
    index(tmp_path / "raw", tmp_path / "one")
    monkeypatch.setenv("LUNGML_WORKERS", "2")

    index(tmp_path / "raw", tmp_path / "two")

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_bytes(tmp_path):
    for number in range(60):
        folder = tmp_path / "raw" / str(number)
        write_ct(folder, body_hu(SHAPE, seed=number), SeriesInstanceUID=f"1.2.9{number}")
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    command = [sys.executable, "-m", "lungml", "index", "--raw", "raw"]
    journal = tmp_path / ".killed.partial.jsonl"

    with subprocess.Popen([*command, "--out", "killed"], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        while not (journal.is_file() and journal.read_bytes().count(b"\n") > 5):
            assert process.poll() is None
        process.kill()
    assert not (tmp_path / "killed").exists()
    again = subprocess.run([*command, "--out", "killed"], cwd=tmp_path, capture_output=True, check=True)
    subprocess.run([*command, "--out", "whole"], cwd=tmp_path, capture_output=True, check=True)

    assert b"series were finished by a run that was stopped" in again.stderr
    assert not journal.exists()
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "killed" / path.name).read_bytes(), path.name


def test_dask_workers_give_the_same_bytes(tmp_path, monkeypatch):
    from distributed import LocalCluster

    cohort(tmp_path / "raw", ("P1", "P2", "P3"))
    index(tmp_path / "raw", tmp_path / "one")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        monkeypatch.setenv("LUNGML_DASK", cluster.scheduler_address)
        index(tmp_path / "raw", tmp_path / "two")

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
