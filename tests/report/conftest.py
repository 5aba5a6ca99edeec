import shutil

import pytest
from report_files import write_project
from report_pages import write_report


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory):
    """A folder as all stages before the report leave it; tests must not change it."""
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    return root


@pytest.fixture(scope="session")
def page(finished_project):
    return write_report(finished_project)


@pytest.fixture
def project(finished_project, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(finished_project, tmp_path / "project")
