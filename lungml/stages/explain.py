"""Draw Grad-CAM++ maps of test cases, and measure on the whole test part what they are worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.bundle import Bundle, read_bundle
from lungml.errors import InputError
from lungml.explain.agreement import Agreement, Summary, agreement, summarise
from lungml.explain.cases import GROUPS, Case, choose_cases, choose_sample
from lungml.explain.maps import Maps, check_maps, map_images
from lungml.explain.road import Road
from lungml.explain.sanity import Sanity
from lungml.explain.trust import Trust, judge_maps
from lungml.figures.maps import Picture, case_figure, gallery_figure
from lungml.figures.style import save
from lungml.files import atomic_folder, write_json
from lungml.imaging.store import ViewStore, read_store
from lungml.params.evaluation import ExplainParams
from lungml.progress import say
from lungml.tables import PREDICTIONS, read_table
from lungml.terms import Part, Task


@dataclass(frozen=True)
class _Test:
    """The test part, row by row."""

    nodule_ids: list[str]
    images_hu: NDArray[np.int16]
    masks: NDArray[np.bool_]
    spacing_mm: NDArray[np.float64]
    predicted: NDArray[np.int64]
    maps: Maps
    found: list[Agreement]


@dataclass(frozen=True)
class _Checks:
    """What the maps are worth."""

    sanity: Sanity
    road: Road
    trust: Trust


def run(
    params: ExplainParams, *, task: Task, bundle: Path, views: Path, predictions: Path, out: Path
) -> None:
    """Write `out/{cases.json, gallery.png, case_01.png, ...}`.

    Raises:
        InputError: the bundle is of another task, or a test nodule has no view.
        ModelError: the backbone has no feature map to draw.
    """
    model = read_bundle(bundle)
    if model.task != task:
        raise InputError(f"the bundle is a model of {model.task}, expected {task}; check --bundle")
    table = read_table(predictions / "predictions.parquet", PREDICTIONS)
    rows = table[table["part"] == Part.TEST].reset_index(drop=True)
    test = _explain(model, rows, read_store(views), params)
    checks = _check(model, rows, test, params)
    cases = choose_cases(rows, params.cases_per_group)
    with atomic_folder(out) as temporary:
        write_json(temporary / "cases.json", _describe(model, test, cases, checks))
        _draw(temporary, model, test, cases, checks.trust)
    _tell(task, summarise(test.found), checks.trust)


def _explain(model: Bundle, rows: pd.DataFrame, store: ViewStore, params: ExplainParams) -> _Test:
    nodule_ids = rows["nodule_id"].tolist()
    places = store.rows_of(nodule_ids)
    images_hu, masks = np.array(store.images_hu[places]), np.array(store.masks[places])
    predicted = np.stack(rows["probabilities"].to_list()).argmax(axis=1)
    maps = map_images(model, images_hu, predicted, params)
    found = [agreement(one, mask, maps.cell_px) for one, mask in zip(maps.values, masks, strict=True)]
    spacing_mm = store.items["pixel_spacing_mm"].to_numpy()[places]
    return _Test(nodule_ids, images_hu, masks, spacing_mm, predicted, maps, found)


def _check(model: Bundle, rows: pd.DataFrame, test: _Test, params: ExplainParams) -> _Checks:
    chosen = choose_sample(rows, params.checked_cases)
    places = [test.nodule_ids.index(nodule) for nodule in chosen]
    labels = rows["label"].to_numpy()[places].astype(np.int64)
    sanity, road = check_maps(
        model, test.images_hu[places], classes=test.predicted[places], labels=labels, params=params
    )
    return _Checks(sanity, road, judge_maps(sanity, road))


def _describe(model: Bundle, test: _Test, cases: list[Case], checks: _Checks) -> dict[str, Any]:
    sanity = checks.sanity
    return {
        "task": model.task.value,
        "classes": list(model.task.target.class_names),
        "weights": model.weights.split()[0],
        "method": "Grad-CAM++ for the predicted class",
        "cell_px": test.maps.cell_px,
        "summary": asdict(summarise(test.found)),
        "sanity": asdict(sanity) | {"maps_change": sanity.maps_change, "knows": sanity.knows},
        "road": asdict(checks.road) | {"faithful": checks.road.faithful},
        "trust": asdict(checks.trust),
        "cases": [
            asdict(case) | asdict(test.found[test.nodule_ids.index(case.nodule_id)]) | {"figure": name}
            for case, name in zip(cases, _file_names(cases), strict=True)
        ],
    }


def _draw(folder: Path, model: Bundle, test: _Test, cases: list[Case], trust: Trust) -> None:
    pictures = [_picture(model, test, case, trust) for case in cases]
    for picture, name in zip(pictures, _file_names(cases), strict=True):
        save(case_figure(picture), folder / name)
    names = model.task.target.class_names
    cells: dict[tuple[str, str], list[Picture]] = {
        (names[label], group): [
            picture
            for picture, case in zip(pictures, cases, strict=True)
            if (case.label, case.group) == (label, group)
        ]
        for label in range(len(names))
        for group in GROUPS
    }
    title = f"{model.task}: where the model looks\nGrad-CAM++ for the predicted class, test part"
    save(gallery_figure(cells, title, warning=trust.label), folder / "gallery.png")


def _file_names(cases: list[Case]) -> list[str]:
    return [f"case_{number:02}.png" for number in range(1, len(cases) + 1)]


def _picture(model: Bundle, test: _Test, case: Case, trust: Trust) -> Picture:
    number = test.nodule_ids.index(case.nodule_id)
    names = model.task.target.class_names
    return Picture(
        image_hu=test.images_hu[number, test.images_hu.shape[1] // 2],
        mask=test.masks[number],
        map=test.maps.values[number],
        window_hu=model.window_hu,
        pixel_spacing_mm=float(test.spacing_mm[number]),
        title=f"{model.task}, {case.group}",
        truth=names[case.label],
        answer=f"{names[case.predicted]} ({case.probabilities[case.predicted]:.2f})",
        caption=_caption(test.found[number]),
        warning=trust.label,
    )


def _caption(found: Agreement) -> str:
    if found.empty:
        return "The map is empty: nothing in the image speaks for the predicted class."
    if found.energy_in_mask is None:
        return "No pixel of this view is in the nodule's mask."
    where = "on" if found.pointing_hit else "off"
    return (
        f"{found.energy_in_mask:.0%} of the map lies in the nodule, which covers {found.area_share:.1%} "
        f"of the view; the highest point is {where} the nodule."
    )


def _tell(task: Task, summary: Summary, trust: Trust) -> None:
    if summary.energy_in_mask is None:
        say(f"{task}: all {summary.n} maps are empty or have no nodule in view")
    else:
        say(
            f"{task}: {summary.energy_in_mask:.1%} of the maps' energy is in the nodule, which covers "
            f"{summary.area_share:.1%} of the view; highest point on the nodule in {summary.pointing:.0%} of "
            f"{summary.n} ({summary.empty} empty)"
        )
    verdict = trust.label or "the checks of the maps hold"
    say(f"  {'; '.join((verdict, *trust.reasons))}")
