"""A project folder of its own for another cohort: a clone of this one with other parameters.

Its data, models and registry are apart from this one's, and its first commit holds the parameters, so that
every model names the commit that made it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lungml.errors import InputError, MissingInputError, ParamsError
from lungml.params import load_params, read_yaml
from lungml.revision import WRITTEN_WHILE_RUNNING

_PARAMS = "params.yaml"
_LIST = "scope"
_AUTHOR = {"user.name": "lungml", "user.email": "lungml@localhost"}
"""Of the commit, where Git knows nobody."""


def make_workspace(root: Path, folder: Path, changes: Mapping[str, Any]) -> bool:
    """Clone the project in `root` into `folder` and lay `changes` over its parameters.

    A project that is there and has these parameters already stays as it is.

    Args:
        root: a Git repository with dvc.yaml.
        folder: not there yet, empty, or such a project.
        changes: as in `params.yaml`, but only what differs; a list replaces a list.

    Returns:
        Whether it was made now.

    Raises:
        MissingInputError: `root` is no project.
        InputError: files of `root` differ from its last commit.
        ParamsError: `folder` is something else, or a project of other parameters, or these are not allowed.
    """
    if not (root / "dvc.yaml").is_file() or not (root / ".git").exists():
        raise MissingInputError(f"{root} is not lungml's repository: it has no dvc.yaml or no .git; go there")
    if folder.is_dir() and any(folder.iterdir()):
        _check_same(folder, changes)
        return False
    written = (f":(exclude){name}" for name in WRITTEN_WHILE_RUNNING)
    if changed := _git(root, "diff", "--name-only", "HEAD", "--", ".", *written):
        raise InputError(
            f"{changed.splitlines()[0]} differs from the last commit; commit it first, or `git stash`, "
            "so that the new project holds what you see"
        )
    _git(root, "clone", "--quiet", str(root), str(folder))
    path = folder / _PARAMS
    merged = laid_over(read_yaml(path), changes)
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(merged, stream)
    load_params(path)
    known = {name: _git(folder, "config", "--default", value, name) for name, value in _AUTHOR.items()}
    author = [word for name, value in known.items() for word in ("-c", f"{name}={value}")]
    _git(folder, *author, "commit", "--quiet", "--allow-empty", "-m", "Parameters of this cohort", _PARAMS)
    return True


def _check_same(folder: Path, changes: Mapping[str, Any]) -> None:
    if not (folder / "dvc.yaml").is_file() or not (folder / _PARAMS).is_file():
        raise ParamsError(f"{folder} is not empty; name a new folder")
    params = read_yaml(folder / _PARAMS)
    if (difference := first_difference(params, laid_over(params, changes))) is not None:
        name, found, wanted = difference
        raise ParamsError(
            f"{folder} is a project of {name}: {found}, not {wanted}. Name a new folder (RUN=folder of "
            "`make lidc-crops`), or remove that one; to go on with it as it is, run `dvc repro` in it"
        )


def first_difference(params: Any, others: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Name and both values of the first parameter that is not the same in `others`; None if all are."""
    if isinstance(params, dict) and isinstance(others, dict):
        inside = (
            first_difference(params.get(key), others.get(key), f"{name}.{key}".lstrip("."))
            for key in {**params, **others}
        )
        return next((each for each in inside if each is not None), None)
    return None if params == others else (name, params, others)


def laid_over(params: Any, changes: Any) -> Any:
    """`changes` over `params`: mappings are merged key by key, anything else is replaced.

    Section scope is replaced as a whole too, since it lists what there is.
    """
    if not isinstance(params, dict) or not isinstance(changes, dict):
        return changes
    merged = {
        name: laid_over(params[name], value) if name in params and name != _LIST else value
        for name, value in changes.items()
    }
    return {**params, **merged}


def set_value(changes: Any, assignment: str) -> Any:
    """`changes` with one `name.of.parameter=value`; the value is read as YAML.

    Raises:
        ParamsError: it has no name or no value.
    """
    name, equals, text = assignment.partition("=")
    if not equals or not name:
        raise ParamsError(f"--set {assignment} is no assignment; write --set acquire.folder=/data/ct")
    value = YAML(typ="safe", pure=True).load(text)
    for step in reversed(name.split(".")):
        value = {step: value}
    return laid_over(changes, value)


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"git {words[0]} failed in {folder}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()
