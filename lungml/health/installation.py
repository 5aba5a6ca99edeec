"""Python and the installed packages against `requirements.lock`."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from lungml import __version__
from lungml.health.state import Check, State

_OLDEST_PYTHON = (3, 11)
_SHOWN = 5
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)( ;)?", re.MULTILINE)


def check_installation(root: Path) -> Iterator[Check]:
    """Versions of Python, lungml and torch, and packages that are not what the lock says."""
    installed = _installed()
    torch = installed.get("torch", "not installed")
    is_new_enough = sys.version_info[:2] >= _OLDEST_PYTHON
    yield Check(
        "Python",
        State.GOOD if is_new_enough else State.BAD,
        f"{platform.python_version()}, lungml {__version__}, torch {torch}"
        + ("" if is_new_enough else f"; lungml needs {_OLDEST_PYTHON[0]}.{_OLDEST_PYTHON[1]} or newer"),
    )
    lock = root / "requirements.lock"
    if not lock.is_file():
        yield Check("packages", State.NOTE, f"no requirements.lock in {root}; {len(installed)} are installed")
        return
    yield _against_lock(lock.read_text(encoding="utf-8"), installed)


def _against_lock(text: str, installed: dict[str, str]) -> Check:
    """Packages with conditions (`; python_version ...`) may be there in another version, or not at all."""
    wrong, pinned = [], _PINNED.findall(text)
    conditional = {_plain(name) for name, _, condition in pinned if condition}
    for name, version, _ in pinned:
        found = installed.get(_plain(name))
        if _plain(name) not in conditional and found != version:
            wrong.append(f"{name} is {found or 'not installed'}, the lock says {version}")
    if not wrong:
        return Check("packages", State.GOOD, f"{len(pinned)} in requirements.lock, installed as it says")
    more = (*wrong[:_SHOWN], *([f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []))
    return Check(
        "packages", State.BAD, f"{len(wrong)} are not as requirements.lock says; run `make setup`", more
    )


def _installed() -> dict[str, str]:
    """Versions by plain name, from the names of the folders, which is quicker than reading every one."""
    found: dict[str, str] = {}
    for each in distributions():
        place = getattr(each, "_path", None)
        match = re.fullmatch(r"(.+?)-([^-]+)\.(dist|egg)-info", place.name) if place is not None else None
        if match:
            found.setdefault(_plain(match[1]), match[2].partition("+")[0])
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
