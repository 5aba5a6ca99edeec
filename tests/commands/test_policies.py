import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from index_tables import make_index, write_index

from lungml.commands.policies import command
from lungml.labels import POLICIES, policy_sha256
from lungml.params.data import LabelParams

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(PARAMS.read_text())
    monkeypatch.chdir(tmp_path)
    write_index(tmp_path / "index", make_index(30))
    return tmp_path


def run(*words):
    result = CliRunner().invoke(command, ["--index", "index", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_policy_has_a_line_and_the_one_in_force_a_star(project):
    lines = run().splitlines()[1:]

    assert [line[2:].split()[0] for line in lines] == list(POLICIES)
    assert [line[2:].split()[0] for line in lines if line.startswith("*")] == ["mean"]


def test_a_policy_of_ones_own_is_added_and_marked(project):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("min_readers: 1", "min_readers: 2"))

    (row,) = (row for row in json.loads(run("--json")) if row["in_force"])

    assert row["policy"] == "params.yaml"
    assert row["sha256"] == policy_sha256(LabelParams(min_readers=2))


def test_counts_are_those_of_the_nodules(project):
    rows = json.loads(run("--json"))

    nodules = len(make_index(30).nodules)
    assert all(row["nodules"] + row["left_out"] == nodules for row in rows)
    assert all(sum(row["classes"].values()) == row["nodules"] for row in rows)
