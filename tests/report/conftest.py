import pytest
from report_files import write_project


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory):
    """A folder as all stages before the report leave it; tests must not change it."""
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    return root
