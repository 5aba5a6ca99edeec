import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from ct_files import body_hu, write_ct
from lidc_files import lidc_xml, nodule, roi

from lungml.commands.consensus import command
from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import run as run_index

PARAMS = Path(__file__).parents[2] / "params.yaml"
Z_MM = -97.5


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two readers whose outlines share little: one nodule of params.yaml, two of a stricter overlap."""
    (tmp_path / "params.yaml").write_text(PARAMS.read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    write_ct(tmp_path / "raw", body_hu((8, 40, 48)), SeriesInstanceUID="1.2.9")
    outlines = ([(2, top), (2, top + 18), (20, top + 18), (20, top)] for top in (2, 14))  # share 5 of 17 rows
    text = lidc_xml([[nodule(roi(Z_MM, outline))] for outline in outlines], series_uid="1.2.9")
    (tmp_path / "raw/readings.xml").write_text(text)
    run_index(CtParams(), ConsensusParams(), raw=tmp_path / "raw", out=tmp_path / "index")
    return tmp_path


def run(*words):
    result = CliRunner().invoke(command, ["--index", "index", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_first_line_is_that_of_the_index_and_the_others_change_one_parameter(project):
    first, *others = json.loads(run("--json"))

    assert first == {
        "overlap_fraction": 0.1,
        "distance_mm": 3.0,
        "nodules": 1,
        "ambiguous": 0,
        "kept_share": 1.0,
    }
    assert all((row["overlap_fraction"] == 0.1) != (row["distance_mm"] == 3.0) for row in others)
    assert {row["overlap_fraction"]: row["nodules"] for row in others}[0.5] == 2


def test_a_person_sees_which_line_is_in_force(project):
    header, *lines = run().splitlines()

    assert header.split() == ["overlap_fraction", "distance_mm", "nodules", "ambiguous", "as", "in", "force"]
    assert [line.split() for line in lines if line.startswith("*")] == [["*", "0.1", "3", "1", "0", "100.0%"]]
