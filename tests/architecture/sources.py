"""What the architecture checks look at: the source files and the entries of `dvc.yaml`."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> set[str]:
    """Absolute names of all modules a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@cache
def dvc_stages() -> dict[str, dict[str, Any]]:
    """Entries of `dvc.yaml` by family (`tune`), with loops opened (`foreach` and `do` joined)."""
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    return {name: entry.get("do", entry) for name, entry in stages.items()}


def paths_of(entries: list[Any]) -> list[str]:
    """Paths of a list of deps, outs, metrics or plots; an entry may carry options."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
