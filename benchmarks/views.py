"""Cutting a view from a slice with antialias: lungml beside MONAI's transforms and torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.competitors import HOW_TO_INSTALL
from benchmarks.result import Result, Value, parser, show
from benchmarks.timing import Contender, seconds_of
from lungml.imaging.views import Plane, cut_view
from lungml.params.data import ViewsParams
from lungml.terms import View

CLAIM = "Cutting a slice view with antialias is 10 times as fast as MONAI's transforms"
COLUMNS = ("view", "who", "ms an image", "times lungml's")
SPACING_MM = (0.7, 0.7)
CENTRE_PX = (210.0, 315.0)

Images = NDArray[np.int16]


def measure(images: int, side: int, size_px: int, rounds: int, others: bool = True) -> Result:
    """Time views of (images, side, side), on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        hu = np.random.default_rng(0).integers(-1000, 1000, (images, side, side)).astype(np.int16)
        rows: list[tuple[Value, ...]] = []
        for view, params in _views(size_px):
            work = {"lungml": partial(_lungml, hu, view, params)}
            if others:
                work |= {name: partial(cut, hu, size_px) for name, cut in _others(view, params).items()}
            seconds = seconds_of([Contender(name, each) for name, each in work.items()], rounds)
            label = f"{view}, {params.geometry}"
            rows += [
                (label, name, 1000 * value / images, value / seconds["lungml"])
                for name, value in seconds.items()
            ]
    finally:
        torch.set_num_threads(threads)
    missing = () if find_spec("monai") or not others else (HOW_TO_INSTALL.format(missing="MONAI"),)
    return Result(CLAIM, COLUMNS, tuple(rows), (_NOTE.format(images=images, side=side, px=size_px), *missing))


_NOTE = (
    "{images} slices of {side} x {side} to {px} x {px}, one thread. lungml's view also has the nodule's mask "
    "and whole HU; the others clip to the window, pad to a square and resize with antialias, without a mask."
)


def _views(size_px: int) -> list[tuple[View, ViewsParams]]:
    return [
        (View.SLICE, ViewsParams(size_px=size_px, geometry="pad-and-resize")),
        (View.SLICE, ViewsParams(size_px=size_px)),
        (View.NODULE, ViewsParams(size_px=size_px)),
    ]


def _lungml(hu: Images, view: View, params: ViewsParams) -> None:
    mask = np.zeros(hu.shape[1:], dtype=np.bool_)
    row, column = (round(at * hu.shape[1] / 512) for at in CENTRE_PX)
    mask[row - 8 : row + 8, column - 8 : column + 8] = True
    for image_hu in hu:
        cut_view(Plane("nodule", image_hu, mask, SPACING_MM, (float(row), float(column))), view, params)


def _others(view: View, params: ViewsParams) -> dict[str, Callable[[Images, int], None]]:
    if view is not View.SLICE or params.geometry != "pad-and-resize":
        return {}
    found = {"torch interpolate": _torch}
    if find_spec("monai"):
        found["MONAI"] = _monai
    return found


def _torch(hu: Images, size_px: int) -> None:
    for image in hu:
        pixels = torch.from_numpy(image).float().clip(-1000, 400)[None, None]
        torch.nn.functional.interpolate(pixels, (size_px, size_px), mode="bilinear", antialias=True)


def _monai(hu: Images, size_px: int) -> None:
    from monai.transforms import Compose, Resize, ScaleIntensityRange, SpatialPad

    side = max(hu.shape[1:])
    transform = Compose(
        [
            ScaleIntensityRange(a_min=-1000, a_max=400, b_min=0.0, b_max=1.0, clip=True),
            SpatialPad((side, side)),
            Resize((size_px, size_px), mode="bilinear", anti_aliasing=True),
        ]
    )
    for image in hu:
        transform(image[None])


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--images", type=int, default=64)
    arguments.add_argument("--side", type=int, default=512)
    arguments.add_argument("--size-px", type=int, default=224)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    show(measure(given.images, given.side, given.size_px, given.rounds), given.json)
