"""Imports go one way, and `lungml --help` imports nothing heavy."""

import subprocess
import sys

from sources import ROOT

HEAVY = (
    "torch",
    "timm",
    "mlflow",
    "prefect",
    "great_expectations",
    "pandas",
    "sklearn",
    "matplotlib",
    "dvc",
    "pydantic",
)


def test_imports_keep_to_the_layers():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['lungml', '--help']\nfrom lungml.cli import main\nmain()\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "HEAVY []" in result.stdout


def test_importing_a_stage_runs_nothing():
    """`dvc.yaml` and the command line look at `run` of every stage; that must write and start nothing."""
    code = (
        "import importlib, os\nfrom lungml.stages import STAGES\nbefore = set(os.listdir('.'))\n"
        "[importlib.import_module(f'lungml.stages.{name}') for name in STAGES]\n"
        "assert set(os.listdir('.')) == before"
    )

    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
