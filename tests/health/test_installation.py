"""What the doctor says of an installation."""

from importlib.metadata import version
from pathlib import Path

from health_checks import by_title

from lungml.health.installation import check_installation
from lungml.health.state import State

ROOT = Path(__file__).parents[2]


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
