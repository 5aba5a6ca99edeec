"""Toy DVC projects: real stages that write files within seconds."""

import os
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
PYTHON = Path(sys.executable).parent


def toy_stages(nap=1.0):
    """first -> left, right (on the GPU pool) -> last; left and right note when they ran."""
    side = f"sh -c 'date +%s.%N > $0.times && sleep {nap} && cp first.txt $0.txt && date +%s.%N >> $0.times'"
    return {
        "first": {"cmd": "echo here it starts && echo 1 > first.txt", "outs": ["first.txt"]},
        "left": {"cmd": f"{side} left", "deps": ["first.txt"], "outs": ["left.txt"]},
        "right": {
            "cmd": f"{side} right",
            "deps": ["first.txt"],
            "outs": ["right.txt"],
            "meta": {"pool": "gpu"},
        },
        "last": {
            "cmd": "cat left.txt right.txt > last.txt",
            "deps": ["left.txt", "right.txt"],
            "outs": ["last.txt"],
        },
    }


def write_stages(folder, stages):
    with (folder / "dvc.yaml").open("w") as stream:
        YAML().dump({"stages": stages}, stream)


def make_project(folder, stages=None):
    """A folder that DVC takes for a project of these stages (default: `toy_stages`)."""
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    write_stages(folder, stages or toy_stages())
    return folder


def shell_environment(folder):
    """The environment of a shell in the project: no server, Prefect's files inside the folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment.pop("LUNGML_ROOT", None)
    return environment | {
        "PATH": f"{PYTHON}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), environment.get("PYTHONPATH", "")]).rstrip(
            os.pathsep
        ),
        "PREFECT_HOME": str(folder / ".prefect"),
    }
