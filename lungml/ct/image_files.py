"""Files that hold one image in HU, such as a single slice or a nodule cut out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lungml.ct import image_header
from lungml.ct.itk_files import open_file, refuse_large, statistics_of, stored_values, to_hounsfield
from lungml.ct.statistics import ImageStatistics
from lungml.ct.volume import Hu, Mask
from lungml.quarantine import RefusedError, finding


@dataclass(frozen=True)
class Image:
    """A single image: HU and padding, each (y, x) in the order of the file.

    `spacing_mm` is (y, x), NaN where the file does not say.
    """

    hu: Hu
    padding: Mask
    spacing_mm: tuple[float, float]


def read_image_file(raw: Path, path: str) -> Image:
    """Read a file that holds one image, with two axes or a third of length one.

    Raises:
        RefusedError: it is no grey image in HU (LM-D030, LM-D060 to LM-D067).
    """
    reader = open_file(raw, path)
    sizes = (
        [size for size in reader.GetSize() if size != 1] if reader.GetDimension() > 2 else reader.GetSize()
    )
    if reader.GetDimension() > 3 or len(sizes) > 2:
        raise RefusedError(finding("LM-D062", path, f"{' x '.join(map(str, reader.GetSize()))}", "one image"))
    columns, rows = reader.GetSize()[:2]
    refuse_large(rows, columns, path)
    hu, padding = to_hounsfield(stored_values(reader, raw, path), path)
    x_mm, y_mm = reader.GetSpacing()[:2] if image_header.has_spacing(raw / path) else (np.nan, np.nan)
    return Image(hu.reshape(rows, columns), padding.reshape(rows, columns), (float(y_mm), float(x_mm)))


def inspect_image(image: Image, path: str) -> ImageStatistics:
    """Statistics of a whole slice.

    Raises:
        RefusedError: it holds one value throughout (LM-D066), or no HU of a body in air (LM-D025).
    """
    return statistics_of(image.hu[None], image.padding[None], path)
