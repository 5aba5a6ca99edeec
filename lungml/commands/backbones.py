"""`lungml backbones`: the table of backbones, as text."""

from __future__ import annotations

import click

from lungml.models.expected_input import expected_pixels
from lungml.models.table import BACKBONES

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
def command() -> None:
    """List the backbones that can be named in params.yaml.

    Input size, expected pixels, training data and licence are those of the pretrained weights
    (weights.source: pretrained); any backbone can also start from random weights and other sizes.
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
