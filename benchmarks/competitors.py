"""Other readers of a CT series; each is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom

Reader = Callable[[list[Path]], object]
"""Takes the files of a series, in order; gives the image as an array."""

HOW_TO_INSTALL = (
    "To compare with {missing}: `pip install --no-deps --target /tmp/competitors "
    "-r benchmarks/requirements.txt`, "
    "then run the same command with PYTHONPATH=/tmp/competitors."
)


def _pydicom_loop(files: list[Path]) -> object:
    """As in most notebooks."""
    slices = [pydicom.dcmread(file) for file in files]
    slices.sort(key=lambda each: float(each.ImagePositionPatient[2]))
    return np.stack([each.pixel_array * each.RescaleSlope + each.RescaleIntercept for each in slices])


def _simpleitk(files: list[Path]) -> object:
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()  # type: ignore[no-untyped-call]
    reader.SetFileNames([str(file) for file in files])  # type: ignore[no-untyped-call]
    return SimpleITK.GetArrayFromImage(reader.Execute())  # type: ignore[no-untyped-call]


def _monai_itk(files: list[Path]) -> object:
    from monai.data import ITKReader  # type: ignore[import-not-found]

    reader = ITKReader()
    return reader.get_data(reader.read(str(files[0].parent)))[0]


def _monai_pydicom(files: list[Path]) -> object:
    from monai.data import PydicomReader

    reader = PydicomReader()
    return reader.get_data(reader.read(str(files[0].parent)))[0]


def _dicomsdl(files: list[Path]) -> object:
    import dicomsdl  # type: ignore[import-not-found]

    return np.stack([dicomsdl.open(str(file)).pixelData() for file in files])


_READERS: dict[str, tuple[tuple[str, ...], Reader]] = {
    "pydicom loop": ((), _pydicom_loop),
    "SimpleITK": (("SimpleITK",), _simpleitk),
    "MONAI ITKReader": (("monai", "itk"), _monai_itk),
    "MONAI PydicomReader": (("monai",), _monai_pydicom),
    "dicomsdl": (("dicomsdl",), _dicomsdl),
}
"""Name -> packages it needs, and the reader."""


def readers() -> tuple[dict[str, Reader], tuple[str, ...]]:
    """Readers that are installed, and a note for each that is not."""
    there, notes = {}, []
    for name, (packages, reader) in _READERS.items():
        missing = [package for package in packages if find_spec(package) is None]
        if missing:
            notes.append(HOW_TO_INSTALL.format(missing=name))
        else:
            there[name] = reader
    return there, tuple(notes)
