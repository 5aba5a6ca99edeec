"""The short table that the evaluate stage prints."""

from __future__ import annotations

from typing import Any

from lungml.evaluation.caveats import metadata_warning

_WIDTHS = (22, 22, 7, 7, 7, 9, 22)


def summary_lines(metrics: dict[str, Any]) -> list[str]:
    """Lines for a person, from the content of `metrics.json`."""
    percent = f"{metrics['confidence']:.0%}"
    head = (
        f"{metrics['task']}: {metrics['n']} test nodules of {metrics['patients']} patients, "
        f"intervals {percent} by patients; predicts the readers' rating"
    )
    words = ("metric", "model", "chance", "skill", "tta", "diameter", "model - diameter")
    rows = [
        (
            name,
            _with_interval(values),
            _number(values["chance"]),
            _number(values["skill"]),
            _number(metrics["tta"][name]["value"]),
            _number(metrics["baselines"]["diameter"][name]["value"]),
            _with_interval(metrics["model_minus_diameter"][name]),
        )
        for name, values in metrics["raw"].items()
    ]
    lines = [head, *("  " + _line(cells) for cells in (words, *rows))]
    for name, found in metrics["comparisons"]["rows"].items():
        lines.append(f"  {metrics['comparisons']['metric']}, model - {name}: {_said(found)}")
    if found := metrics.get("cross_validated"):
        lines += _cross_validated(found, metrics["comparisons"]["metric"])
    if metrics["metadata_tell_the_label"]:
        lines.append(f"  {metadata_warning(metrics['baselines']['metadata']['auroc'])}")
    if metrics["weights"] == "random":
        lines.append("  The backbone started from random weights, not from pretrained ones.")
    return lines


def _cross_validated(found: dict[str, Any], metric: str) -> list[str]:
    head = f"  Out of fold, {found['n']} nodules of {found['patients']} patients of train and validation:"
    return [
        head,
        *(
            f"    {metric}, {title}: {_with_interval(found[name][metric])}, model - diameter "
            f"{_with_interval(found[f'{name}_minus_diameter'][metric])}, {found['words'][name]}"
            for name, title in (("raw", "image alone"), ("tta", "test-time views"))
        ),
    ]


def _said(found: dict[str, Any]) -> str:
    return f"{_with_interval(found)}, {found['words']}"


def _line(cells: tuple[str, ...]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _with_interval(values: dict[str, float | None]) -> str:
    return f"{_number(values['value'])} ({_number(values['low'])} to {_number(values['high'])})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{round(value, 3) + 0.0:.3f}"
