"""A copy of the project in a folder of its own, in which whole pipelines run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
QUICK = {"acquire.phantom.patients": 48, "screen.repeats": 1} | {
    f"tasks.{task}.{name}": value
    for task in ("slice-binary", "slice-five", "nodule-binary", "nodule-five")
    for name, value in {
        "tune.trials": 1,
        "tune.epochs": 1,
        "finetune.epochs": 1,
        "finetune.head_epochs": 1,
    }.items()
}
"""Every stage does all it does in the demo, on fewer patients and for fewer epochs."""


@dataclass(frozen=True)
class Workspace:
    """A project folder with its own data, DVC cache and MLflow store."""

    root: Path

    def run(self, *words: str, check: bool = True) -> str:
        """Run a command in the folder; its output and errors together."""
        result = subprocess.run(
            words,
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or result.returncode == 0, result.stdout[-3000:]
        assert "Traceback" not in result.stdout, result.stdout[-3000:]
        return result.stdout

    def repro(self, *targets: str) -> list[str]:
        """Run `dvc repro` and tell which stages ran, in order."""
        return re.findall(r"Running stage '([^']+)'", self.run("dvc", "repro", *targets))

    def change(self, **values: object) -> None:
        """Change parameters; names are dotted paths into params.yaml."""
        yaml = YAML(typ="safe")
        path = self.root / "params.yaml"
        params = json.loads(json.dumps(yaml.load(path)))  # opens the anchors, so that tasks are apart
        for name, value in values.items():
            *folders, last = name.split(".")
            place = params
            for folder in folders:
                place = place[folder]
            place[last] = value
        with path.open("w") as stream:
            yaml.dump(params, stream)

    def json(self, path: str) -> dict:
        return json.loads((self.root / path).read_text())


def environment() -> dict[str, str]:
    binaries = Path(sys.executable).parent
    private = {"MLFLOW_TRACKING_URI": "", "PREFECT_API_URL": ""}
    inherited = {name: value for name, value in os.environ.items() if name not in private}
    return inherited | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}


def make_workspace(root: Path, **changes: object) -> Workspace:
    """Copy the project's files (as git sees them) to `root` and commit them there."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if name != "dvc.lock" and (ROOT / name).is_file():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    workspace = Workspace(root)
    if changes:
        workspace.change(**changes)
    workspace.run("git", "init", "-q")
    workspace.run("git", "add", "-A")
    workspace.run(
        "git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-q", "-m", "start"
    )
    return workspace
