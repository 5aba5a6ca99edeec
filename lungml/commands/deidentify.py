"""`lungml deidentify`: copy a folder without its patients."""

from __future__ import annotations

from pathlib import Path

import click

from lungml.errors import MissingInputError, ParamsError
from lungml.progress import say


@click.command("deidentify")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the secret key; made on first use. Default: lungml/deidentify.key in your configuration.",
)
def command(source: Path, out: Path, *, key: Path | None) -> None:
    """Copy the CT images, readings, volumes and tables of IN to the new folder OUT, without the patients.

    Only what is on a list passes, all else is left out; IN is only read. Equal patients get equal pseudonyms,
    made with the key: who has it can link them again, and nobody can without it.
    """
    from lungml.phi.folder import LEDGER, deidentify_folder
    from lungml.phi.keys import default_key_file, read_or_make_key

    key = key or default_key_file()
    _check_places(source, out, key)
    counts = deidentify_folder(source, out, read_or_make_key(key))
    for what, count in counts.written.items():
        say(f"  {count} x {what}")
    left = sum(counts.left_out.values())
    codes = ", ".join(f"{code} {count}" for code, count in counts.left_out.items())
    say(f"  {left} files left out{f' ({codes})' if left else ''}; counts are in {out / LEDGER}")
    say(f"  the key is {key}; keep it safe and apart from {out}, or delete it so that nobody can link back")


def _check_places(source: Path, out: Path, key: Path) -> None:
    if not source.is_dir():
        raise MissingInputError(f"{source} is not a folder; name the folder to de-identify")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ParamsError(f"{out} is not empty; name a new folder, so that nothing old is among the copies")
    inner, outer = out.resolve(), source.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise ParamsError(f"{source} and {out} lie inside one another; choose another place for OUT")
    if any(key.resolve().is_relative_to(folder) for folder in (inner, outer)):
        raise ParamsError(
            f"the key file {key} would lie in IN or OUT and travel with it; choose another: --key"
        )
