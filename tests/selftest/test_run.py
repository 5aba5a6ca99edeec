import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from lungml.cli import lungml
from lungml.selftest.controls import CONTROLS
from lungml.selftest.leaks import LEAKS
from lungml.selftest.process import RIGHT, WRONG

PAGE = (Path(__file__).parents[2] / "docs/self-test.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_all_verdicts_are_as_they_must_be_and_as_the_page_shows_them(monkeypatch):
    """In less than ten minutes of one processor."""
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    started = time.process_time()

    said = CliRunner().invoke(lungml, ["audit", "--self-test"], catch_exceptions=False)

    assert (said.exit_code, said.output.splitlines()[-1]) == (0, "All 29 verdicts are as they must be.")
    assert f"```\n{said.output}```" in PAGE
    assert time.process_time() - started < 600


def test_the_page_explains_every_control_leak_and_step():
    explained = set(re.findall(r"^\| ([^|`]+?) \|", PAGE, flags=re.MULTILINE))

    assert set(CONTROLS) | set(LEAKS) | set(WRONG) | set(RIGHT) <= explained
