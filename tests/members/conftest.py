import pytest
from written_answers import make_job


@pytest.fixture
def job(tmp_path):
    return make_job(tmp_path)
