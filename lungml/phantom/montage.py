"""What a montage of the cohort shows: for each class a slice in two windows and the nodules around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungml.phantom.attributes import Attributes, Calcification
from lungml.phantom.image import render
from lungml.phantom.patient import Patient
from lungml.phantom.scene import Nodule, Scene, place
from lungml.phantom.scores import consensus_class

CROPS_PER_CLASS = 4
CROP_MM = 50.0

_CROP_PX = 120
_SLICE_MM, _SLICE_PX = 350.0, 300
_SMALLEST_MM = 5.0


@dataclass(frozen=True)
class Crop:
    """A nodule in the middle of a square of `CROP_MM`, in HU."""

    image_hu: NDArray[np.int16]
    caption: str


@dataclass(frozen=True)
class ClassColumn:
    """What is shown of one class: a slice (HU), where on it the last nodule is (fractions), and crops."""

    tumor_class: int
    slice_hu: NDArray[np.int16]
    nodule_at: tuple[float, float]
    slice_caption: str
    crops: tuple[Crop, ...]


def montage_columns(patients: tuple[Patient, ...]) -> list[ClassColumn]:
    """One column per class that occurs, with as many kinds of nodule as there is place for."""
    columns = []
    used: set[int] = set()
    for tumor_class in range(1, 6):
        group = _varied(_of_class(patients, tumor_class), used)
        used |= {patient.number for patient, _ in group}
        if group:
            columns.append(_column(tumor_class, group))
    return columns


def _of_class(patients: tuple[Patient, ...], tumor_class: int) -> list[tuple[Patient, int]]:
    pairs = [(patient, number) for patient in patients for number in range(len(patient.findings))]
    return [
        pair
        for pair in pairs
        if _class_of(*pair) == tumor_class and _looks(*pair).diameter_mm >= _SMALLEST_MM
    ]


def _varied(pairs: list[tuple[Patient, int]], used: set[int]) -> list[tuple[Patient, int]]:
    """Of patients not used: first one of every kind, then more, in the cohort's order; smallest first."""
    free = [pair for pair in pairs if pair[0].number not in used]
    by_kind: dict[str, list[tuple[Patient, int]]] = {}
    for pair in free:
        by_kind.setdefault(_describe(_looks(*pair)).split("mm ")[1], []).append(pair)
    turns = [
        (place, kind, pair)
        for kind, group in sorted(by_kind.items(), key=_commonest)
        for place, pair in enumerate(group)
    ]
    turns.sort(key=lambda turn: turn[0])
    chosen: dict[int, tuple[Patient, int]] = {}
    for _, _, pair in turns:
        chosen.setdefault(pair[0].number, pair)
    return sorted(list(chosen.values())[:CROPS_PER_CLASS], key=lambda pair: _looks(*pair).diameter_mm)


def _commonest(kind: tuple[str, list[tuple[Patient, int]]]) -> tuple[int, str]:
    return -len(kind[1]), kind[0]


def _column(tumor_class: int, group: list[tuple[Patient, int]]) -> ClassColumn:
    scenes = [place(patient) for patient, _ in group]
    images = [render(scene) for scene in scenes]
    crops = tuple(
        Crop(_cut(scene, image, scene.nodules[number], CROP_MM, _CROP_PX), _describe(_looks(patient, number)))
        for scene, image, (patient, number) in zip(scenes, images, group, strict=True)
    )
    scene, nodule = scenes[-1], scenes[-1].nodules[group[-1][1]]
    style = scene.patient.style
    plane, at = _whole(scene, images[-1], nodule)
    caption = f"kernel {style.kernel}, {style.thickness_mm:g} mm"
    return ClassColumn(tumor_class, plane, at, caption, crops)


def _cut(
    scene: Scene, image: NDArray[np.int16], nodule: Nodule, width_mm: float, size_px: int
) -> NDArray[np.int16]:
    z, y, x = scene.grid.index_of(nodule.centre_mm)
    return _resampled(scene, image[int(np.rint(z))], (float(y), float(x)), (width_mm, size_px))


def _whole(
    scene: Scene, image: NDArray[np.int16], nodule: Nodule
) -> tuple[NDArray[np.int16], tuple[float, float]]:
    z, y, x = scene.grid.index_of(nodule.centre_mm)
    rows, columns = scene.grid.shape[1:]
    middle = ((rows - 1) / 2, (columns - 1) / 2)
    plane = _resampled(scene, image[int(np.rint(z))], middle, (_SLICE_MM, _SLICE_PX))
    down = 0.5 + (y - middle[0]) * scene.grid.spacing_mm[1] / _SLICE_MM
    across = 0.5 + (x - middle[1]) * scene.grid.spacing_mm[2] / _SLICE_MM
    return plane, (float(down), float(across))


def _resampled(
    scene: Scene, plane: NDArray[np.int16], middle: tuple[float, float], field: tuple[float, int]
) -> NDArray[np.int16]:
    """A square of a plane around `middle` (row, column); `field` is its width in mm and in pixels."""
    width_mm, size_px = field
    steps = (np.arange(size_px) - (size_px - 1) / 2) * width_mm / size_px
    rows = middle[0] + steps / scene.grid.spacing_mm[1]
    columns = middle[1] + steps / scene.grid.spacing_mm[2]
    at = np.meshgrid(rows, columns, indexing="ij")
    values = ndimage.map_coordinates(plane.astype(np.float32), at, order=1, cval=-1000)
    return np.asarray(np.rint(values).astype(np.int16))


def _describe(looks: Attributes) -> str:
    words = [f"{looks.diameter_mm:.0f} mm {looks.texture.value}"]
    if looks.calcification is not Calcification.NONE:
        words.append("calcified")
    elif looks.spiculation > 0.4:
        words.append("spiculated")
    elif looks.lobulation > 0.4:
        words.append("lobulated")
    else:
        words.append("smooth")
    return "\n".join(words)


def _looks(patient: Patient, number: int) -> Attributes:
    return patient.findings[number].attributes


def _class_of(patient: Patient, number: int) -> int:
    return consensus_class([rating.malignancy for rating in patient.findings[number].ratings])
