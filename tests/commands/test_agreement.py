import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from index_tables import make_index, write_index

from lungml.commands.agreement import command

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(PARAMS.read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_agreement_is_printed_with_its_limits_and_written(project):
    write_index(project / "index", make_index(30))

    result = CliRunner().invoke(command, ["--index", "index", "--out", "agreement.json"])

    assert result.exit_code == 0, result.output
    assert "quadratic weighted kappa, scores 1 to 5" in result.output
    assert "saw each other's marks" in result.output
    assert "not a person" in result.output
    figures = json.loads((project / "agreement.json").read_text())
    assert f"{figures['leave_one_out']['qwk']['value']:.3f}" in result.output


def test_single_readers_give_a_sentence_and_no_figures(project):
    tables = make_index(12)
    tables.readings.drop(tables.readings.index[tables.readings["reader"] > 0], inplace=True)
    write_index(project / "index", tables)

    result = CliRunner().invoke(command, ["--index", "index"])

    assert result.exit_code == 0
    assert "no agreement to measure" in result.output
