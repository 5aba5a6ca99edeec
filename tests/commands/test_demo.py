import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lungml.commands.demo import failure
from lungml.graph import read_graph
from lungml.pipeline.side_by_side import Outcome
from lungml.report.wording import REOPENED
from lungml.sealing.ledger import NAME, Sealed, enter

PIPELINE = """
stages:
  first:
    cmd: python stage.py first
    deps: [stage.py]
    outs: [first.txt]
  second:
    cmd: python stage.py second
    deps: [stage.py, first.txt]
    outs: [reports]
"""
# A stage as the command line runs it: it notes its name, and its exit code when it fails.
STAGE = """
import os, pathlib, sys
from lungml import cli
from lungml.errors import MissingInputError
name = sys.argv[1]
cli._announce("index")
if pathlib.Path("broken").is_file() and name == "second":
    cli.lungml = lambda **_: (_ for _ in ()).throw(MissingInputError("no scans"))
    cli.main()
summary = '{"nodule-five": %s}' % pathlib.Path("numbers.json").read_text()
os.makedirs("reports", exist_ok=True) if name == "second" else None
pathlib.Path("first.txt" if name == "first" else "reports/summary.json").write_text(summary)
"""
NUMBERS = {
    "weighted_auprc": 0.5491,
    "weighted_auprc_low": 0.501,
    "weighted_auprc_high": 0.597,
    "weighted_auprc_chance": 0.297,
    "diameter_weighted_auprc": 0.431,
    "f1_weighted": 0.52,
    "balanced_accuracy": None,
    "random_weights": True,
    "version": 3,
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "numbers.json").write_text(json.dumps(NUMBERS))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=tmp_path, check=True)
    return tmp_path


DEMO = "from lungml.commands.demo import command; command(standalone_mode=False)"


def demo(project):
    return subprocess.run(
        [sys.executable, "-c", DEMO],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_it_counts_the_stages_and_ends_with_the_table_and_where_to_look(project):
    done = demo(project)

    assert done.returncode == 0, done.stderr
    assert "first   [1/2] first:" in done.stderr
    assert "second  [2/2] second:" in done.stderr
    assert "Running stage" not in done.stderr
    header, row, *rest = [
        line for line in done.stdout.splitlines() if "task" in line or "nodule-five" in line
    ]
    assert header.split("  ")[0] == "task"
    cells = ["0.549 (0.501 to 0.597)", "0.297", "0.431", "0.520", "not defined", "3"]
    assert re.split(r"\s{2,}", row) == ["nodule-five", *cells]
    assert "random weights" in done.stdout
    assert "never cancer" in done.stdout
    for words in ("reports/report.html", "mlflow ui --backend-store-uri sqlite:///", "prefect server start"):
        assert words in done.stdout
    assert rest == []


def test_a_test_part_that_was_opened_again_is_said_before_the_table(project):
    for bundle in ("a", "b"):
        sealed = Sealed("nodule-five", "s" * 64, bundle * 64)
        enter(project / NAME, sealed, reason="", metrics={}, preregistered=None)

    said = demo(project).stdout

    assert said.index(REOPENED) < said.index("nodule-five")


def test_a_second_time_it_runs_no_stage_and_prints_the_same_table(project):
    first, second = demo(project), demo(project)

    assert "] first:" in first.stderr
    assert "] first:" not in second.stderr
    tables = [
        [line for line in done.stdout.splitlines() if line.startswith(("task", "nodule-five"))]
        for done in (first, second)
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 2


def test_a_failed_stage_is_named_with_its_own_exit_code_and_the_way_on(project):
    (project / "broken").touch()

    done = demo(project)

    assert done.returncode == 5
    assert "no scans" in done.stderr
    assert "stage second failed (exit code 5): no scans" in done.stderr
    assert "run lungml demo again" in done.stderr
    assert "Traceback" not in done.stderr
    (project / "broken").unlink()
    assert "first:" not in demo(project).stderr  # it goes on where it was


@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_demo_says_where_and_how_to_go_on(project, request_to_end):
    (project / "stage.py").write_text(
        STAGE + "\nif name == 'second': pathlib.Path('ready').touch(); import time; time.sleep(60)\n"
    )
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {
        number: signal.signal(number, way) for number, way in heard.items()
    }  # a child ignores what we do
    process = subprocess.Popen(
        [sys.executable, "-c", DEMO],
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    for number, handler in before.items():
        signal.signal(number, handler)
    until = time.monotonic() + 60
    while not (project / "ready").exists():
        assert time.monotonic() < until
        time.sleep(0.05)

    process.send_signal(request_to_end)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "stopped in stage second; to go on, run lungml demo again" in said
    assert "Traceback" not in said


def test_a_failure_without_a_sentence_points_to_what_was_printed():
    assert failure(Outcome(253, "embed@a")) == (
        "lungml: stage embed@a failed (exit code 253); the reason is above\n"
        "Mend it and run lungml demo again: what is finished is not run again"
    )


def test_the_order_is_that_of_the_real_graph():
    order = [node.name for node in read_graph(Path(__file__).parents[2])]

    assert order[0] == "acquire"
    assert order[-1] == "report"
