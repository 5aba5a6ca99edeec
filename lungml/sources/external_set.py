"""An archive of nodule cubes in grey steps, such as NoduleMNIST3D, as views in HU: an external test set.

Keys are `<part>_images`, uint8 (N, size, size, size), and `<part>_labels`, (N, 1) or (N,) with 0 and 1.

Source: MedMNIST v2, Yang et al. 2023, doi:10.1038/s41597-022-01721-8: crops of LIDC-IDRI nodules, 28 voxels
of 1 mm a side; scores of 1 and 2 are 0, of 4 and 5 are 1, nodules scored 3 are left out. It does not say
which HU the grey steps stand for. The group's earlier work clips to -1024 to 400 HU (Zhao et al. 2018,
doi:10.1158/0008-5472.CAN-18-0696), so that is the default here, and an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.array_files import ArraysError, read_arrays
from lungml.errors import InputError, MissingInputError, ParamsError
from lungml.imaging.views import crop_plane, cut_crop
from lungml.params.data import ViewsParams

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Cubes:
    """Cubes of nodules: grey uint8 (N, D, H, W) and labels (N,)."""

    grey: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Meaning:
    """What the numbers of an archive mean.

    Attributes:
        window_hu: HU of grey 0 and 255.
        spacing_mm: between voxels, the same in all directions.
        axis: which axis of a cube goes from slice to slice.
    """

    window_hu: tuple[float, float] = (-1024.0, 400.0)
    spacing_mm: float = 1.0
    axis: int = 0

    def __post_init__(self) -> None:
        low, high = self.window_hu
        if not low < high:
            raise ParamsError(f"the window is {low:g} to {high:g} HU; the first must be below the second")
        if not 0 < self.spacing_mm <= 10:
            raise ParamsError(f"the spacing is {self.spacing_mm:g} mm; expected above 0, at most 10")


def read_cubes(path: Path, parts: tuple[str, ...]) -> Cubes:
    """Read some parts of an archive, in their order.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is no archive of such cubes.
    """
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; name the downloaded .npz file")
    try:
        arrays = read_arrays(path, [f"{part}_{kind}" for part in parts for kind in ("images", "labels")])
        found = [(arrays[f"{part}_images"], arrays[f"{part}_labels"]) for part in parts]
    except (ArraysError, KeyError) as error:
        wanted = ", ".join(f"{part}_images and {part}_labels" for part in parts)
        raise InputError(
            f"{path} cannot be read as an archive with {wanted} ({error}); check the file"
        ) from error
    cubes = [_checked(images, labels, path) for images, labels in found]
    if len({each.grey.shape[1:] for each in cubes}) > 1:
        raise InputError(f"{path}: cubes of the parts differ in size; name one part")
    return Cubes(
        np.concatenate([each.grey for each in cubes]), np.concatenate([each.labels for each in cubes])
    )


def views_of(cubes: Cubes, meaning: Meaning, views: ViewsParams) -> NDArray[np.int16]:
    """Nodule views (N, C, H, W) in HU of the middle planes, cut as `views` says; air outside the cube."""
    planes = np.moveaxis(cubes.grey, 1 + meaning.axis, 1)
    return np.stack([_view(cube, meaning, views) for cube in planes])


def _checked(images: NDArray[np.uint8], labels: NDArray[np.int64], path: Path) -> Cubes:
    truth = labels.ravel()
    if images.dtype != np.uint8 or images.ndim != 4 or len(truth) != len(images) or not len(images):
        raise InputError(
            f"{path} holds images of {images.dtype} {images.shape} and {len(truth)} labels; expected uint8 "
            "(N, depth, height, width) and N labels, as NoduleMNIST3D has them"
        )
    if not np.isin(truth, (0, 1)).all():
        raise InputError(f"{path} holds the labels {sorted(set(truth.tolist()))[:9]}; expected 0 and 1")
    return Cubes(images, truth.astype(np.int64))


def _view(cube: NDArray[np.uint8], meaning: Meaning, views: ViewsParams) -> NDArray[np.int16]:
    depth = len(cube)
    middle = depth // 2
    step = max(1, round(views.neighbour_distance_mm / meaning.spacing_mm))
    wanted = [middle, max(middle - step, 0), min(middle + step, depth - 1)]
    low, high = meaning.window_hu
    hu, below, above = np.rint(low + cube[wanted] * ((high - low) / 255)).astype(np.int16)
    crop = crop_plane("", hu, (meaning.spacing_mm, meaning.spacing_mm))
    return cut_crop(replace(crop, below_hu=below, above_hu=above), views).image_hu
