import gc
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from loopback import free_port
from searches import objective, params, run, wait_until

from lungml.errors import MissingInputError, ParamsError, ServiceError
from lungml.tuning.search import search
from lungml.tuning.storage import Place, opened_study, place_of

pytest_plugins = ["postgres_server"]


def test_without_the_variable_the_study_is_kept_in_the_journal(tmp_path):
    for environment in ({}, {"LUNGML_TUNE_STORAGE": ""}):
        assert place_of(tmp_path / "study.log", environment) == Place(tmp_path / "study.log")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgresql_is_reached_through_psycopg_3(tmp_path, scheme):
    address = f"{scheme}://user:p%40ss@host:5433/studies"

    place = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": address})

    assert place.url == "postgresql+psycopg://user:p%40ss@host:5433/studies"
    assert "p%40ss" not in repr(place)


@pytest.mark.parametrize("address", ["sqlite:///study.db", "mysql://user:secret@host/a", "nonsense"])
def test_another_database_is_refused(tmp_path, address):
    with pytest.raises(ParamsError, match=r"LUNGML_TUNE_STORAGE .* postgresql://user:password@") as refused:
        place_of(tmp_path, {"LUNGML_TUNE_STORAGE": address})

    assert "secret" not in str(refused.value)


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    place = Place(tmp_path, "postgresql+psycopg://user:secret@127.0.0.1:1/studies")

    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1/studies cannot be used: .*refused") as refused:
        name_in(place)

    assert "secret" not in str(refused.value)
    assert "LUNGML_TUNE_STORAGE" in str(refused.value)


def test_a_helper_needs_a_search_that_has_begun(tmp_path):
    place = Place(tmp_path / "work" / "study.log")
    with pytest.raises(MissingInputError, match="start it with `dvc repro` or `lungml tune`"):
        name_in(place, joins=True)
    assert not (tmp_path / "work").exists()

    run(tmp_path / "work", params(trials=1))

    with pytest.raises(MissingInputError, match=r"same params\.yaml, data"):
        name_in(place, "another", joins=True)
    assert name_in(place, joins=True) == "study"


def name_in(place, name="study", *, joins=False):
    with opened_study(place, name, joins=joins) as (study, _):
        return study.study_name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_database_of_another_program_is_refused(tmp_path, database):
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('of MLflow')")

    with pytest.raises(ServiceError, match="tables of another program") as refused:
        name_in(place_of(tmp_path, {"LUNGML_TUNE_STORAGE": database}))

    said = str(refused.value)
    assert "p@ss" not in said
    assert "p%40ss" not in said
    del refused  # with it goes the connection that Optuna left open; the process would end here
    gc.collect()


@pytest.mark.slow
@pytest.mark.parametrize("kept_in", ["journal", "database"])
def test_the_page_of_optuna_shows_a_study_and_changes_nothing(tmp_path, kept_in, request):
    address = str(tmp_path / "study.log")
    place = Place(tmp_path / "study.log")
    if kept_in == "database":
        address = request.getfixturevalue("database").replace("postgresql://", "postgresql+psycopg://")
        place = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": address})
    list(search(params(trials=3), objective, place=place, name="a study"))
    before = kept_in == "journal" and place.journal.read_bytes()

    page, studies, trials = seen_on_page(address)

    assert "<script" in page
    assert [study["study_name"] for study in studies["study_summaries"]] == ["a study"]
    assert len(trials["trials"]) == 3
    assert before == (kept_in == "journal" and place.journal.read_bytes())


def seen_on_page(address):
    port = free_port()
    command = Path(sys.executable).with_name("optuna-dashboard")
    server = subprocess.Popen([command, address, f"--port={port}"], stderr=subprocess.DEVNULL)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
    try:
        wait_until(lambda: answers(client))
        studies = client.get("/api/studies").json()
        number = studies["study_summaries"][0]["study_id"]
        return client.get("/dashboard/").text, studies, client.get(f"/api/studies/{number}").json()
    finally:
        client.close()
        server.terminate()
        server.wait(60)


def answers(client):
    with suppress(httpx.TransportError):
        return client.get("/dashboard/").is_success
