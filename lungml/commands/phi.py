"""`lungml phi`: look for what tells who a patient is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lungml.errors import FoundError, MissingInputError
from lungml.progress import say

if TYPE_CHECKING:
    from lungml.phi.scan import Place

_SHOWN = 30


@click.command("phi")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--known",
    type=click.Path(path_type=Path),
    help="Folder of the original DICOM files, or a text file with one word a line: words to look for.",
)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write every place as JSON.")
def command(path: Path, *, known: Path | None, report: Path | None) -> None:
    """Look through the file or folder PATH for what tells who a patient is.

    Words of known patients are found in names and in every byte, however they are written, also inside
    archives, spreadsheets, databases and deflated DICOM; without --known, only tags, elements and columns
    that usually tell are looked at. Places are named, values never. Exit code 8: something was found.
    """
    from lungml.files import write_json
    from lungml.phi.scan import known_words, scan_for_patients

    for place in (path, known):
        if place is not None and not place.exists():
            raise MissingInputError(f"{place} is not there; name a file or folder")
    places = scan_for_patients(path, known_words(known) if known else ())
    if report is not None:
        write_json(report, [asdict(place) for place in places])
    _show([place for place in places if not place.sure], "note")
    found = [place for place in places if place.sure]
    _show(found, "found")
    if found:
        files = len({place.path for place in found})
        raise FoundError(
            f"{path} tells who a patient is, in {len(found)} place(s) of {files} file(s); run `lungml "
            "deidentify` on the original folder and use its copy, or remove these places"
        )
    say(f"  nothing found in {path}{'' if known else ' (no words were given to look for: --known)'}")


def _show(places: list[Place], title: str) -> None:
    for place in places[:_SHOWN]:
        say(f"  {title}: {place.path}: {place.where}: {place.what}")
    if len(places) > _SHOWN:
        say(f"  {title}: {len(places) - _SHOWN} more; --report FILE lists all")
