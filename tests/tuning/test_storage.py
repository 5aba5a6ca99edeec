import pytest
from searches import params, run

from lungml.errors import MissingInputError, ParamsError, ServiceError
from lungml.tuning.storage import Place, opened_study, place_of


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
