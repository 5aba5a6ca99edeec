import subprocess

import pytest
from click.testing import CliRunner

from lungml.cli import lungml
from lungml.errors import ParamsError
from lungml.params import load_params


@pytest.fixture
def project(tmp_path, monkeypatch, request):
    """A committed project with the shipped parameters, in which commands are typed."""
    root = tmp_path / "project"
    root.mkdir()
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes((request.config.rootpath / name).read_bytes())
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    monkeypatch.chdir(root)
    return root


def run(*words):
    result = CliRunner().invoke(lungml, ["workspace", *words], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stderr


def test_assignments_are_laid_over_the_file_which_is_laid_over_the_project(project, tmp_path):
    (tmp_path / "mine.yaml").write_text("split: {seed: 7, folds: 3}\nacquire: {source: local}\n")
    assignments = ("--set", "split.seed=8", "--set", "acquire.folder=/data/ct")

    said = run(str(tmp_path / "mine"), "--params", str(tmp_path / "mine.yaml"), *assignments)

    found, before = load_params(tmp_path / "mine" / "params.yaml"), load_params(project / "params.yaml")
    assert (found.split.seed, found.split.folds) == (8, 3)
    assert (found.acquire.source, str(found.acquire.folder)) == ("local", "/data/ct")
    assert found.tasks == before.tasks
    assert "is ready; go there and run `dvc repro`" in said


def test_an_assignment_without_a_value_makes_nothing(project, tmp_path):
    with pytest.raises(ParamsError, match=r"--set split\.seed is no assignment"):
        run(str(tmp_path / "mine"), "--set", "split.seed")
    assert not (tmp_path / "mine").exists()


def test_the_project_stays_as_it_is(project, tmp_path):
    before = (project / "params.yaml").read_bytes()

    run(str(tmp_path / "mine"), "--set", "split.seed=8")

    assert (project / "params.yaml").read_bytes() == before
