"""`lungml self-test`: put cohorts and leaks of known verdict before the pipeline's own checks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap

import click

_WIDTHS = (4, 28, 40, 34, 34)
_HEADER = ("", "control or leak", "planted", "must be found", "found")


@click.command("self-test")
def command() -> None:
    """Show that the pipeline's checks work, in a few minutes and without any data.

    Six control cohorts: what must tell the label in each, and what does. Eighteen leaks, planted one by one:
    what must name each, and what does. The exit code is 0 only if all are as they must be.
    """
    from lungml.errors import FoundError
    from lungml.selftest.run import self_test

    _print(_HEADER)
    bad = count = 0
    for outcome in self_test():
        _print(
            ("ok" if outcome.ok else "BAD", outcome.name, outcome.planted, outcome.expected, outcome.found)
        )
        count, bad = count + 1, bad + (not outcome.ok)
    if bad:
        raise FoundError(f"{bad} of {count} verdicts are wrong, marked BAD above: do not trust the checks")
    click.echo(f"All {count} verdicts are as they must be.")


def _print(cells: Sequence[str]) -> None:
    """A row of the table; long cells are wrapped."""
    columns = [wrap(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    for line in zip_longest(*columns, fillvalue=""):
        padded = (word.ljust(width) for word, width in zip(line, _WIDTHS, strict=True))
        click.echo("  ".join(padded).rstrip())
