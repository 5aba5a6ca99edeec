"""`lungml backbones`: the table of backbones, as text."""

from __future__ import annotations

from pathlib import Path

import click

from lungml.models.expected_input import expected_pixels
from lungml.models.table import BACKBONES
from lungml.models.weights_card import read_card

_HEADER = (
    "name",
    "parameters",
    "input px",
    "pixels expected",
    "trained on",
    "licence of weights",
    "weights in timm",
)


@click.command("backbones")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("models/pretrained"),
    show_default=True,
    help="Where to look for weights that stage pretrain made.",
)
def command(folder: Path) -> None:
    """List the backbones that can be named in params.yaml.

    Input size, expected pixels, training data and licence are those of the pretrained weights
    (weights.source: pretrained); any backbone can also start from random weights and other sizes. Weights
    that stage pretrain made here are a local source, and are listed below the table.
    """
    rows = [_HEADER] + [
        (
            name,
            f"{row.parameters / 1e6:.1f} M",
            str(row.input_px),
            str(expected_pixels(row)),
            row.trained_on,
            row.licence,
            row.timm_name + ("" if row.hub else " (file only)"),
        )
        for name, row in BACKBONES.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if lines := _made_here(folder):
        click.echo(f"\npretrained here (weights.source: pretrained, weights.folder: {folder})")
        click.echo("\n".join(lines))


def _made_here(folder: Path) -> list[str]:
    """A line for each backbone whose weights in `folder` stage `pretrain` made: its name, and from what."""
    paths = {name: folder / f"{name}.safetensors" for name in BACKBONES}
    cards = {name: read_card(path) for name, path in paths.items() if path.is_file()}
    return [f"{name}  {card}" for name, card in cards.items() if card]
