"""The state of the code, as git tells it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

WRITTEN_WHILE_RUNNING = ("dvc.lock", "test-ledger.jsonl")
"""Tracked files that the pipeline itself writes; that they changed does not make the code another one."""
_WHO_LENGTH = 12


def git_tags() -> dict[str, str]:
    """The commit of the working directory, and whether tracked files differ from it.

    Files in `WRITTEN_WHILE_RUNNING` do not count. Where there is no repository (in a container),
    `LUNGML_GIT_COMMIT` names the commit.
    """
    named = os.environ.get("LUNGML_GIT_COMMIT")
    commit = named or _git("rev-parse", "HEAD")
    if commit is None:
        return {"git_commit": "unknown", "git_dirty": "unknown"}
    if named:
        return {"git_commit": commit, "git_dirty": "unknown"}
    others = (f":(exclude){name}" for name in WRITTEN_WHILE_RUNNING)
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *others)
    return {"git_commit": commit, "git_dirty": "true" if changed else "false"}


def who() -> str:
    """Start of the SHA-256 of git's user.email: tells persons apart and names none; `unknown` without one."""
    email = _git("config", "user.email")
    return hashlib.sha256(email.encode()).hexdigest()[:_WHO_LENGTH] if email else "unknown"


def is_committed(path: Path) -> bool | None:
    """Whether a file is in git as it is now; None where there is no repository."""
    if _git("rev-parse", "HEAD") is None:
        return None
    known = _git("ls-files", "--error-unmatch", "--", str(path))
    return known is not None and _git("status", "--porcelain", "--", str(path)) == ""


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
