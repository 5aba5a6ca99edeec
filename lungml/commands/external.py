"""`lungml external`: judge a saved model on nodules of another source, kept in a local .npz file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lungml.errors import ParamsError
from lungml.sources.external_set import PARTS, Cubes, Meaning

if TYPE_CHECKING:
    from lungml.bundle import Bundle

_DEFAULTS = Meaning()
_USUAL_SIZE = 28
_CONFIDENCE = 0.95
_NOTE = "the file has no patients, so the intervals count every nodule as a patient and are too narrow"


@click.command("external")
@click.option(
    "--bundle", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the model."
)
@click.option("--npz", type=click.Path(path_type=Path), required=True, help="The downloaded file.")
@click.option(
    "--part",
    type=click.Choice(PARTS),
    multiple=True,
    default=("test",),
    show_default=True,
    help="Which part.",
)
@click.option(
    "--window-hu",
    nargs=2,
    type=float,
    default=_DEFAULTS.window_hu,
    show_default=True,
    help="HU of 0 and 255.",
)
@click.option(
    "--spacing-mm", type=float, default=None, help="Between voxels; 1 for cubes of 28 voxels, as published."
)
@click.option(
    "--axis",
    type=click.IntRange(0, 2),
    default=_DEFAULTS.axis,
    show_default=True,
    help="Axis from slice to slice.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the numbers as JSON."
)
def command(
    *,
    bundle: Path,
    npz: Path,
    part: tuple[str, ...],
    window_hu: tuple[float, float],
    spacing_mm: float | None,
    axis: int,
    out: Path | None,
) -> None:
    """Judge a saved model on NoduleMNIST3D, or on cubes kept like it; the file is only read.

    Its grey steps are taken as a window of -1024 to 400 HU, which is an assumption: the data set's paper does
    not say. Predictions are of what readers thought, as the labels are.
    """
    from lungml.bundle import bundle_sha256, read_bundle
    from lungml.files import sha256_file, write_json
    from lungml.sources.external_set import read_cubes

    model = read_bundle(bundle)
    cubes = read_cubes(npz, part)
    meaning = Meaning((window_hu[0], window_hu[1]), _spacing(spacing_mm, cubes), axis)
    metrics = judge_external(model, cubes, meaning)
    facts = {
        "task": model.task.value,
        "parts": list(part),
        "window_hu": list(meaning.window_hu),
        "spacing_mm": meaning.spacing_mm,
        "axis": meaning.axis,
        "bundle_sha256": bundle_sha256(bundle),
        "file_sha256": sha256_file(npz),
        "note": _NOTE,
    }
    for line in _lines(metrics, meaning, cubes, model):
        click.echo(line)
    if out is not None:
        write_json(out, facts | metrics)


def judge_external(model: Bundle, cubes: Cubes, meaning: Meaning) -> dict[str, Any]:
    """Metrics {name: {value, low, high, chance, skill}} of a model on cubes, with n and class shares.

    Raises:
        ParamsError: the model is not of the task nodule-binary.
    """
    import numpy as np

    from lungml.bundle import predict
    from lungml.evaluation.results import judge, values_of
    from lungml.evaluation.tally import check_cases
    from lungml.sources.external_set import views_of
    from lungml.terms import Task

    if model.task is not Task.NODULE_BINARY:
        raise ParamsError(
            f"the model is of task {model.task}; such files hold crops with two classes, so name a bundle of "
            f"{Task.NODULE_BINARY}"
        )
    probabilities = predict(model, views_of(cubes, meaning, model.views))
    judged = judge(check_cases(cubes.labels, probabilities), np.arange(len(cubes.labels)))
    return {
        "n": len(cubes.labels),
        "prevalence": float(cubes.labels.mean()),
        "metrics": values_of(judged, _CONFIDENCE),
    }


def _spacing(given: float | None, cubes: Cubes) -> float:
    if given is not None:
        return given
    if cubes.grey.shape[1] != _USUAL_SIZE:
        raise ParamsError(
            f"cubes have {cubes.grey.shape[1]} voxels a side, not {_USUAL_SIZE}, so their spacing is not the "
            "published 1 mm; say it with --spacing-mm"
        )
    return _DEFAULTS.spacing_mm


def _lines(metrics: dict[str, Any], meaning: Meaning, cubes: Cubes, model: Bundle) -> list[str]:
    """What a person reads: the metrics beside chance, and what they cannot say."""
    rows = [("metric", "value (95 % interval)", "chance")]
    for name, found in metrics["metrics"].items():
        rows.append((name, _interval(found), _number(found["chance"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    seen_mm, given_mm = model.views.nodule_field_of_view_mm, cubes.grey.shape[2] * meaning.spacing_mm
    beyond = model.views.geometry == "field-of-view" and seen_mm > given_mm
    air = [f"The model looks at {seen_mm:g} mm, the cubes hold {given_mm:g} mm; the rest is air to it."]
    head = f"{metrics['n']} nodules, {metrics['prevalence']:.1%} labelled malignant by readers; {_NOTE}."
    return [head, *(air if beyond else []), *table]


def _interval(found: dict[str, Any]) -> str:
    if found["low"] is None or found["high"] is None:
        return _number(found["value"])
    return f"{_number(found['value'])} ({_number(found['low'])} to {_number(found['high'])})"


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
