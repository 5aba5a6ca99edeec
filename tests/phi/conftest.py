"""The folder of marked words, copied once; one process is quicker for a few files."""

import pytest
from canaries import write_canaries
from nameless_copies import NAMES, files_in

from lungml.phi.folder import deidentify_folder


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


@pytest.fixture(scope="session")
def marked(tmp_path_factory):
    """The folder of marked words, its copy, and what was counted."""
    folder = tmp_path_factory.mktemp("marked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        birds = write_canaries(folder / "in")
        before = {name: path.read_bytes() for name, path in files_in(folder / "in").items()}
        counts = deidentify_folder(folder / "in", folder / "out", NAMES)
    return folder, birds, before, counts
