"""`make lidc-crops` with the real command `lungml workspace`; the run itself only says where it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_INSTALLED = "#!/bin/sh\necho installing; exit 1\n"
LUNGML = """#!/bin/sh
test "$1" = demo && exec sed -n 's/^ *folder: //p' params.yaml
exec {python} -m lungml "$@"
"""


@pytest.fixture
def project(tmp_path):
    """A committed project, with folders a and b for data and weights, that has not been set up."""
    root = tmp_path / "project"
    (root / "configs").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml", "Makefile", "configs/lidc-crops.yaml"):
        shutil.copy(ROOT / name, root / name)
    for name in ("requirements.lock", "pyproject.toml", ".gitignore"):
        (root / name).write_text("*\n" if name == ".gitignore" else "")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for words in (
        ["init", "-q"],
        ["add", "-f", "params.yaml", "dvc.yaml", "configs"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    write_program(root / "python", NOT_INSTALLED)
    return root


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def set_up(root):
    write_program(root / ".venv" / "bin" / "lungml", LUNGML.format(python=sys.executable))
    (root / ".venv" / ".installed").touch()


def make(root, *words):
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "lidc-crops", "PYTHON=./python", *words],
        cwd=root,
        env=outside | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_folders_are_looked_for_before_anything_is_installed(project):
    done = make(project, "DATA=../a", "WEIGHTS=../elsewhere")

    assert done.returncode == 2
    assert done.stdout.startswith("make lidc-crops needs DATA=<folder with nodules_hu.npz and nodules.csv>")
    assert "installing" not in done.stdout
    assert "installing" in make(project, "DATA=../a", "WEIGHTS=../b").stdout


def test_a_run_folder_of_other_data_is_named_and_not_run_again(project, tmp_path):
    set_up(project)

    first, same, other = (make(project, f"DATA=../{data}", "WEIGHTS=../b") for data in "aab")

    assert str(tmp_path / "a") in first.stdout
    assert same.stdout == first.stdout
    assert other.returncode == 2
    assert f"acquire.folder: {tmp_path / 'a'}, not {tmp_path / 'b'}" in other.stderr
    assert other.stdout == ""
