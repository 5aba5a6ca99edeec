import pytest
from click.testing import CliRunner
from model_files import make_answers, make_record

from lungml.cli import lungml
from lungml.errors import ModelError, ParamsError
from lungml.params.evaluation import GateParams, RegisterParams
from lungml.tracking.registry import aliases_of, register

pytest_plugins = ["mlflow_project"]

MODEL = "lungml-nodule-binary"


@pytest.fixture
def two_versions(project, params, client, shipped_params):
    """Version 1 is champion; version 2, the challenger, is better on the same nodules."""
    gate = RegisterParams(gate=GateParams(replicates=200))
    for name, skill in (("old", 0.3), ("new", 0.5)):
        answers = make_answers(skill=skill)
        register(make_record(project / name, params, weights=name.encode(), answers=answers), gate)
    return client


@pytest.fixture
def shipped_params(project, request):
    shipped = request.config.rootpath / "params.yaml"
    (project / "params.yaml").write_text(shipped.read_text())


def run(*words):
    result = CliRunner().invoke(lungml, ["promote", *words], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stderr


def champion(client):
    return aliases_of(client, MODEL)["champion"]


def test_a_challenger_that_passes_the_gate_is_promoted_and_the_sentence_says_instead_of_which(two_versions):
    said = run("nodule-binary", "--why", "more data")

    assert f"{MODEL}: version 2 is champion instead of version 1 (passed: version 2 minus" in said
    assert champion(two_versions) == "2"
    assert two_versions.get_model_version(MODEL, "2").tags["promoted_why"] == "more data"


def test_rolling_back_gives_the_place_to_the_previous_champion(two_versions):
    run("nodule-binary")

    said = run("nodule-binary", "--rollback", "--why", "misses small nodules")

    assert "version 1 is champion instead of version 2 (rolled back)" in said
    assert champion(two_versions) == "1"


@pytest.mark.parametrize("flag", ["--force", "--rollback"])
def test_against_the_gate_and_back_need_a_reason(two_versions, flag):
    with pytest.raises(ParamsError, match="need a reason: --why"):
        run("nodule-binary", flag, "--why", "  ")
    assert champion(two_versions) == "1"


@pytest.mark.parametrize("more", [["--version", "2"], ["--force"]])
def test_rolling_back_takes_no_version(two_versions, more):
    with pytest.raises(ParamsError, match="takes neither --version nor --force"):
        run("nodule-binary", "--rollback", "--why", "x", *more)
    assert champion(two_versions) == "1"


def test_a_task_without_a_model_is_named(project, shipped_params):
    with pytest.raises(ModelError, match="no registered model lungml-slice-five"):
        run("slice-five")
