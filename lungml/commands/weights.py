"""`lungml weights`: list, fetch and verify the files of pretrained weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from lungml.errors import ModelError
from lungml.models.table import BACKBONES, Backbone, find_backbone
from lungml.models.weights_card import read_card
from lungml.models.weights_lock import LOCK, keep_sha256, known_sha256, verified_sha256

_HEADER = ("name", "weights in timm", "licence", "trained on", "verified", "file")
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group("weights")
def command() -> None:
    """List, fetch and verify the pretrained weights of backbones.

    A file is verified if its SHA-256 is the one in the table of backbones, or the one that `fetch` kept in
    weights.lock.json, which belongs under version control, or for weights that stage pretrain made the one in
    the card beside them. Stages refuse a file that is another.
    """


@command.command("list")
@click.option("--folder", type=_FOLDER, help="Where the files are; default: weights.folder of params.yaml.")
def list_weights(folder: Path | None) -> None:
    """Show where each backbone's weights come from, and which are on this machine."""
    folder = folder or _folder_of_params()
    rows = [_HEADER, *(_row(name, row, folder) for name, row in BACKBONES.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--to",
    "folder",
    type=_FOLDER,
    help="A folder to copy them to, as <name>.safetensors; default: weights.folder of params.yaml, and "
    "without one they stay where the hub's downloads are kept.",
)
def fetch_weights(names: tuple[str, ...], folder: Path | None) -> None:
    """Get weights from the hub timm publishes on, and keep their SHA-256 in weights.lock.json.

    A file that is in the folder already is not fetched again: its SHA-256 is kept.
    """
    folder = folder or _folder_of_params()
    rows = {name: find_backbone(name) for name in names}
    for name, row in rows.items():
        path = _local(name, row, folder) or _fetched(name, row, folder)
        sha256 = verified_sha256(row, path)
        new = not read_card(path) and keep_sha256(row, sha256)
        click.echo(f"{name}: {path}, SHA-256 {sha256[:12]}... " + (f"kept in {LOCK}" if new else "as known"))


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--folder", type=_FOLDER, help="Where the files are; default: weights.folder of params.yaml.")
def verify_weights(names: tuple[str, ...], folder: Path | None) -> None:
    """Compare files of weights with their SHA-256; without NAME, all that are on this machine."""
    folder = folder or _folder_of_params()
    rows = {name: find_backbone(name) for name in names} or BACKBONES
    problems = []
    for name, row in rows.items():
        path = _local(name, row, folder)
        if path is None and not names:
            continue
        problem = _problem(name, row, path)
        click.echo(f"{name}: " + ("NOT verified" if problem else f"verified, {path}"))
        problems += [problem] if problem else []
    if problems:
        raise ModelError(" ".join(problems))


def _folder_of_params() -> Path | None:
    from lungml.params import load_params

    return load_params().weights.folder if Path("params.yaml").is_file() else None


def _local(name: str, row: Backbone, folder: Path | None) -> Path | None:
    from lungml.models.weights import local_weights_file

    return local_weights_file(name, row.timm_name, folder)


def _fetched(name: str, row: Backbone, folder: Path | None) -> Path:
    """The file from the hub, copied to the folder if there is one, and never if it is not the known one."""
    from lungml.files import atomic_file
    from lungml.models.weights import published_sha256, weights_file

    path = weights_file(name, row.timm_name, None, hub=row.hub)
    sha256, published = verified_sha256(row, path), published_sha256(path)
    if published and sha256 != published:
        raise ModelError(
            f"{path} is not what the hub sent: SHA-256 {sha256[:12]}..., expected {published[:12]}...; "
            "delete the file and fetch it again"
        )
    if folder is None:
        return path
    copied = folder / f"{name}.safetensors"
    with atomic_file(copied) as temporary:
        shutil.copyfile(path, temporary)
    return copied


def _row(name: str, row: Backbone, folder: Path | None) -> tuple[str, ...]:
    path = _local(name, row, folder)
    made_here = path is not None and read_card(path) is not None
    source = "made by pretrain" if made_here else row.timm_name + ("" if row.hub else " (file only)")
    trained_on = "views, no labels" if made_here else row.trained_on
    verified = "" if path is None else "no" if _problem(name, row, path) else "yes"
    return name, source, row.licence, trained_on, verified, str(path or "-")


def _problem(name: str, row: Backbone, path: Path | None) -> str:
    """Why a file is not verified, in a sentence; "" if it is."""
    if path is None:
        return f"The weights of {name} are not on this machine; get them with `lungml weights fetch {name}`."
    if not read_card(path) and not known_sha256(row):
        return f"No SHA-256 of {path} is known; `lungml weights fetch {name}` keeps the one it has now."
    try:
        verified_sha256(row, path)
    except ModelError as error:
        return f"{error}."
    return ""
