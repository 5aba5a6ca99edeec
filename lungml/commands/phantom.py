"""`lungml phantom`: write a synthetic CT cohort, or a picture of it."""

from __future__ import annotations

import typing
from pathlib import Path

import click
from pydantic import ValidationError

from lungml.errors import ParamsError
from lungml.params.data import Cohort, PhantomParams

_DEFAULTS = PhantomParams()


@click.command("phantom")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--patients", type=int, default=_DEFAULTS.patients, show_default=True, help="How many patients."
)
@click.option("--seed", type=int, default=_DEFAULTS.seed, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--cohort",
    type=click.Choice(typing.get_args(Cohort)),
    default=_DEFAULTS.cohort,
    show_default=True,
    help="What decides malignancy; all but the default are controls.",
)
@click.option(
    "--layout",
    type=click.Choice(("dicom", "seed")),
    default="dicom",
    show_default=True,
    help="DICOM series and LIDC-style XML, or the seed study's sheet and NRRD files.",
)
@click.option(
    "--montage", type=click.Path(path_type=Path, dir_okay=False), help="Also draw the cohort into a PNG."
)
def command(
    out: Path, *, patients: int, seed: int, cohort: Cohort, layout: str, montage: Path | None
) -> None:
    """Write a synthetic CT cohort with known truth into the folder OUT, which must be empty or not there."""
    params = _params(patients, seed, cohort)
    _refuse_full(out)
    from lungml.files import atomic_folder

    with atomic_folder(out) as folder:
        _write(params, folder, layout)
    if montage is not None:
        _draw(params, montage)


def _params(patients: int, seed: int, cohort: Cohort) -> PhantomParams:
    try:
        return PhantomParams(patients=patients, seed=seed, cohort=cohort)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ParamsError(f"--{problem['loc'][0]}: {problem['msg']}, found {problem['input']!r}") from error


def _refuse_full(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        raise ParamsError(f"{out} is not empty and would be replaced; name a new folder or empty it first")


def _write(params: PhantomParams, folder: Path, layout: str) -> None:
    if layout == "seed":
        from lungml.phantom.seed_layout import write_seed_layout

        write_seed_layout(params, folder)
    else:
        from lungml.phantom.cohort import write_cohort

        write_cohort(params, ct=folder / "ct", truth=folder / "truth")


def _draw(params: PhantomParams, montage: Path) -> None:
    from lungml.figures.phantom import montage_figure
    from lungml.figures.style import save
    from lungml.phantom.montage import montage_columns
    from lungml.phantom.patient import draw_patients

    save(montage_figure(montage_columns(draw_patients(params))), montage)
