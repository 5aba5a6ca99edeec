"""What the doctor says of an installation, a workspace, services and a ledger."""

import json
import shutil
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lungml.errors import InputError, MissingInputError
from lungml.health.installation import check_installation
from lungml.health.ledger import check_index
from lungml.health.services import check_services
from lungml.health.state import State
from lungml.health.workspace import check_workspace
from lungml.quarantine import finding, write_findings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_services(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def by_title(checks):
    return {check.title: check for check in checks}


def test_packages_that_are_as_the_lock_says_are_good(tmp_path):
    (tmp_path / "requirements.lock").write_text(f"numpy=={version('numpy')} \\\n    --hash=sha256:0\n")

    checks = by_title(check_installation(tmp_path))

    assert checks["packages"].state is State.GOOD
    assert f"torch {version('torch').partition('+')[0]}" in checks["Python"].text


def test_packages_that_are_not_as_the_lock_says_are_named(tmp_path):
    lines = ["numpy==0.1 \\", "no_such-package==1.0 \\", "other==2 ; sys_platform == 'nowhere' \\"]
    (tmp_path / "requirements.lock").write_text("\n".join(lines))

    check = by_title(check_installation(tmp_path))["packages"]

    assert check.state is State.BAD
    assert check.more == (
        f"numpy is {version('numpy')}, the lock says 0.1",
        "no_such-package is not installed, the lock says 1.0",
    )


def test_the_lock_of_the_project_is_what_is_installed():
    assert by_title(check_installation(ROOT))["packages"].state is State.GOOD


@pytest.fixture
def workspace(tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def test_a_fresh_workspace_says_that_no_stage_has_run(workspace):
    checks = by_title(check_workspace(workspace))

    assert checks["parameters"].state is State.GOOD
    assert checks["DVC"].state is State.NOTE
    assert "have not run: acquire," in checks["DVC"].text


def test_stages_of_the_lock_have_run(workspace):
    (workspace / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  acquire:\n    cmd: x\n  tune@nodule-five:\n    cmd: x\n"
    )

    text = by_title(check_workspace(workspace))["DVC"].text

    waiting = text.partition(": ")[2].split(", ")
    assert "index" in waiting
    assert {"acquire", "tune"} & set(waiting) == set()


def test_wrong_parameters_are_all_told(workspace):
    text = (workspace / "params.yaml").read_text()
    (workspace / "params.yaml").write_text(text.replace("min_slices: 3", "min_slices: 0\n  no_such: 1"))

    check = by_title(check_workspace(workspace))["parameters"]

    assert check.state is State.BAD
    assert len(check.more) == 2


def test_a_folder_that_is_no_project_is_told(tmp_path):
    checks = by_title(check_workspace(tmp_path))

    assert checks["DVC"].state is checks["parameters"].state is State.BAD


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_services_that_answer_are_good_and_those_that_do_not_need_a_look(tmp_path, monkeypatch, listener):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listener}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PREFECT_API_URL", f"http://user:secret@127.0.0.1:{closed.getsockname()[1]}/api")

    checks = by_title(check_services(tmp_path))

    assert checks["MLflow"].state is State.GOOD
    assert checks["Prefect"].state is State.BAD
    assert "secret" not in checks["Prefect"].text


def test_services_that_are_not_configured_are_no_problem(tmp_path):
    assert {check.state for check in check_services(tmp_path)} == {State.NOTE}


@pytest.fixture
def index(tmp_path):
    findings = [finding("LM-D001", f"a/{n}.dcm", f"{n} bytes", "more") for n in range(5)]
    findings += [finding("LM-D041", "b.dcm", "2 files")]
    write_findings(tmp_path / "quarantine.jsonl", findings)
    summary = {"series": 3, "patients": 2, "nodules": 7, "readings": 20, "patients_inferred": True}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_the_ledger_is_told_per_code_with_the_first_examples(index):
    first, *codes = check_index(index)

    assert first.text == "3 series, 2 patients, 7 nodules, 20 readings; patients are inferred from images"
    assert [check.title for check in codes] == ["LM-D001", "LM-D041"]
    assert codes[0].text.startswith("5 x quarantined: the file ends early.")
    assert codes[0].more == ("a/0.dcm: 0 bytes", "a/1.dcm: 1 bytes")
    assert codes[0].state is State.NOTE


def test_a_code_that_is_not_in_the_catalogue_needs_a_look(index):
    with (index / "quarantine.jsonl").open("a") as stream:
        stream.write('{"code": "LM-Q999", "action": "none", "path": "p", "found": "f"}\n')

    check = by_title(check_index(index))["LM-Q999"]

    assert check.state is State.BAD


def test_a_broken_ledger_is_told_with_its_line(index):
    (index / "quarantine.jsonl").write_text("{}\n")

    with pytest.raises(InputError, match="line 1 is no finding"):
        list(check_index(index))


def test_an_index_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingInputError):
        list(check_index(tmp_path))


def test_the_doctor_imports_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['lungml', 'doctor']\nfrom lungml.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('torch', 'pandas', 'mlflow', 'prefect', 'dvc')\n"
        "print('HEAVY', [name for name in heavy if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "HEAVY []" in done.stdout
