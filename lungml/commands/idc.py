"""`lungml idc`: what the Imaging Data Commons holds, without a network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import click

_OPTIONS = (
    click.option("--collection", default="lidc_idri", show_default=True, help="Name of the collection."),
    click.option("--patient", "patients", multiple=True, help="PatientID to take; can be given again."),
    click.option("--max-patients", type=click.IntRange(min=1), help="Take at most so many patients."),
    click.option("--max-gb", type=float, help="Take patients for as long as they are within so many GB."),
)


def _selection(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group("idc")
def command() -> None:
    """List CT collections of the Imaging Data Commons, and tell their size. No network is needed.

    `acquire.source: idc` in params.yaml downloads the same selection.
    """


@command.command("list")
@_selection
def list_series(**selection: Any) -> None:
    """Print a line for each patient: series, images and GB."""
    from lungml.idc.catalogue import size_of

    click.echo(f"{'patient':<20} {'series':>6} {'images':>7} {'GB':>7}")
    for patient, group in groupby(_chosen(selection), key=lambda each: each.patient_id):
        size = size_of(group)
        click.echo(f"{patient:<20} {size.series:>6} {size.images:>7} {size.gb:>7.3f}")


@command.command("size")
@_selection
def size(**selection: Any) -> None:
    """Print how much a selection is, and what is not in it."""
    from lungml.idc.catalogue import index_version, size_of

    total = size_of(_chosen(selection))
    click.echo(
        f"{selection['collection']}: {total.series:,} CT series of {total.patients:,} patients, "
        f"{total.images:,} images, {total.gb:,.1f} GB (idc-index-data {index_version()})"
    )
    if selection["collection"] == "lidc_idri":
        from lungml.stages.acquire import NO_READINGS

        click.echo(NO_READINGS)


def _chosen(selection: dict[str, Any]) -> Any:
    from lungml.idc.catalogue import choose, ct_series
    from lungml.params.data import IdcParams

    params = IdcParams(**selection)
    return choose(ct_series(params.collection), params)
