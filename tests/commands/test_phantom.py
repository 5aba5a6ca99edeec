"""`lungml phantom` on the command line."""

import pytest
from click.testing import CliRunner

from lungml.commands.phantom import command
from lungml.errors import ParamsError


def call(*words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_it_writes_the_seed_layout_and_a_montage(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")

    result = call(
        tmp_path / "out", "--patients", 4, "--layout", "seed", "--montage", tmp_path / "picture.png"
    )

    assert result.exit_code == 0
    assert (tmp_path / "out" / "dataset_lung.xlsx").is_file()
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_with_something_in_it_is_not_replaced(tmp_path):
    (tmp_path / "mine").write_text("kept")

    with pytest.raises(ParamsError, match="not empty"):
        call(tmp_path, "--patients", 4)

    assert (tmp_path / "mine").read_text() == "kept"


def test_too_few_patients_are_refused_with_the_option_named(tmp_path):
    with pytest.raises(ParamsError, match="--patients"):
        call(tmp_path / "out", "--patients", 1)


def test_an_unknown_cohort_is_refused_with_the_known_ones(tmp_path):
    result = call(tmp_path / "out", "--cohort", "leaky")

    assert result.exit_code == 2
    assert "no-signal" in result.output
