"""Put CT series and readings into data/raw: a synthetic cohort, or the files of a local folder."""

from __future__ import annotations

from pathlib import Path

from lungml.files import atomic_folder, write_text
from lungml.params.data import AcquireParams

_NO_TRUTH = "These files were acquired from a folder; nothing is known about them beyond the readings.\n"


def run(params: AcquireParams, *, out: Path) -> None:
    """Write `out`/ct (DICOM and LIDC XML files) and `out`/truth (what is known about a phantom cohort)."""
    if params.folder is not None and params.source == "local":
        _from_folder(params.folder, out)
    else:
        _from_phantom(params, out)


def _from_folder(source: Path, out: Path) -> None:
    from lungml.collection import check_apart, collect_files

    check_apart(source, out)
    with atomic_folder(out) as folder:
        collect_files(source, folder / "ct")
        write_text(folder / "truth" / "README", _NO_TRUTH)


def _from_phantom(params: AcquireParams, out: Path) -> None:
    from lungml.phantom.cohort import write_cohort

    with atomic_folder(out) as folder:
        write_cohort(params.phantom, ct=folder / "ct", truth=folder / "truth")
