"""Put CT series and readings into data/raw: a synthetic cohort, local files, or LIDC-IDRI downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lungml.errors import InputError, MissingInputError, ParamsError
from lungml.files import atomic_folder, write_text
from lungml.params.data import AcquireParams
from lungml.params.scope import ScopeParams
from lungml.progress import say
from lungml.terms import View

if TYPE_CHECKING:
    import pandas as pd

DIAGNOSES = "diagnoses.csv"
"""Beside `ct`, so that no stage that reads images or readings sees it; only its header if none are given."""
_NO_TRUTH = "These files were acquired from a folder; nothing is known about them beyond the readings.\n"
NO_READINGS = (
    "The Imaging Data Commons holds the CT images but not the readers' XML files; without them there is no "
    "nodule. Get LIDC-XML-only.zip from TCIA (doi:10.7937/K9/TCIA.2015.LO9QL9SX) and name it as "
    "acquire.readings"
)


def run(acquire: AcquireParams, scope: ScopeParams, *, out: Path) -> None:
    """Write `out`/ct (DICOM and LIDC XML files), diagnoses.csv and truth (what is known about a phantom).

    Raises:
        ParamsError: section `scope` asks for slices, of files that have none.
    """
    if acquire.folder is None or acquire.source == "phantom":
        _from_phantom(acquire, out)
        return
    selection = _download(acquire, acquire.folder) if acquire.source == "idc" else None
    _from_folder(acquire, acquire.folder, out=out, selection=selection, scope=scope)


def _download(params: AcquireParams, folder: Path) -> set[Path]:
    """Bring what is missing of the selection into `folder`; gives where its series are, relative to it."""
    from lungml.idc.catalogue import choose, ct_series
    from lungml.idc.download import download, place_of

    if params.readings is None:
        say(f"  {NO_READINGS}")
    elif not params.readings.exists():
        raise _missing("acquire.readings", params.readings)
    series = choose(ct_series(params.idc.collection), params.idc)
    download(series, folder, params.idc.endpoint)
    return {place_of(each, folder).relative_to(folder) for each in series}


def _from_folder(
    params: AcquireParams, source: Path, *, out: Path, selection: set[Path] | None, scope: ScopeParams
) -> None:
    sources = {"acquire.folder": source}
    if params.readings is not None:
        sources["acquire.readings"] = params.readings
    for name, place in sources.items():
        _check(name, place, out)
    diagnoses = _read_diagnoses(params)
    with atomic_folder(out) as folder:
        into = folder / "collected" if params.deidentify else folder / "ct"
        count = _gather("acquire.folder", source, into, folder / "unpacked")
        if selection is not None:
            _keep_only(selection, into)
        if params.readings is not None:
            count += _gather("acquire.readings", params.readings, into / "readings", folder / "unpacked")
        if not count:
            raise _nothing(source)
        _refuse_slices_of_crops(into, scope)
        write_text(folder / "truth" / "README", _NO_TRUTH)
        if params.deidentify:
            _deidentify(params, into, folder)
        else:
            _warn_of_names(into)
        _write_diagnoses(folder, diagnoses)


def _keep_only(selection: set[Path], into: Path) -> None:
    """Leave out series that were loaded for another selection."""
    for place in {path.parent for path in into.rglob("*") if path.is_file()}:
        if place.relative_to(into) not in selection:
            shutil.rmtree(place)


def _refuse_slices_of_crops(collected: Path, scope: ScopeParams) -> None:
    """Say now what the stage views would find out: the list of stages is fixed before there are any data."""
    from lungml.sources.crop_tables import holds_crops

    if View.SLICE in scope.views and holds_crops(collected):
        raise ParamsError(
            "acquire.folder holds ready-made crops, which have no whole slice to show. Leave the slice view "
            f"and its tasks out, with these lines in params.yaml:\n{scope.lines_without(View.SLICE)}"
        )


def _check(name: str, place: Path, out: Path) -> None:
    from lungml.collection import check_apart

    if not place.exists():
        raise _missing(name, place)
    check_apart(place, out)


def _gather(name: str, place: Path, into: Path, workspace: Path) -> int:
    """Bring the files of a folder or archive, and of the archives in a folder, into `into`."""
    from lungml.archives.unpack import is_archive, unpack

    if place.is_file() and not is_archive(place):
        raise InputError(f"{name} is {place}, which is neither a folder nor a zip or tar file; name one")
    count = 0 if place.is_file() else _collect(place, into)
    archives = [place] if place.is_file() else sorted(_archives(place))
    for number, archive in enumerate(archives, start=1):
        unpack(archive, workspace, shown_as=f"archive {number} of {len(archives)} in {name}")
        count += _collect(workspace, into / f"archive{number}" if len(archives) > 1 else into)
        shutil.rmtree(workspace)
    return count


def _collect(place: Path, into: Path) -> int:
    """Files brought; 0 if there is nothing to bring."""
    from lungml.collection import collect_files, holds_files

    return collect_files(place, into) if holds_files(place) else 0


def _archives(folder: Path) -> Iterator[Path]:
    from lungml.archives.unpack import is_archive

    for parent, _, names in os.walk(folder, followlinks=False):
        for path in (Path(parent) / name for name in names):
            if is_archive(path) and path.is_file() and not path.is_symlink():
                yield path


def _warn_of_names(collected: Path) -> None:
    """Paths go into the tables, as pixels are read from there; a person decides whether that may be."""
    from lungml.phi.paths import folders_that_tell

    if count := folders_that_tell(collected):
        say(
            f"  in {count} folders, names of folders or files tell who the patient is, and the tables of the "
            "index hold these names; acquire.deidentify: true replaces them"
        )


def _deidentify(params: AcquireParams, collected: Path, out: Path) -> None:
    """Replace `collected` by `out`/ct; the record of what was done goes beside it, as it is no image."""
    from lungml.phi.folder import LEDGER, deidentify_folder
    from lungml.phi.keys import default_key_file, read_or_make_key

    counts = deidentify_folder(collected, out / "ct", read_or_make_key(params.key or default_key_file()))
    left = ", ".join(f"{code} {count}" for code, count in counts.left_out.items())
    say(f"  {sum(counts.written.values())} files without their patients; left out: {left or 'none'}")
    (out / "ct" / LEDGER).rename(out / "truth" / LEDGER)
    shutil.rmtree(collected)


def _read_diagnoses(params: AcquireParams) -> pd.DataFrame:
    """An empty table if none is given; with pseudonyms where the files get them."""
    from lungml.diagnoses import COLUMNS, parse_diagnoses
    from lungml.phi.keys import default_key_file, read_or_make_key

    if params.diagnoses is None:
        return parse_diagnoses(",".join(COLUMNS))
    if not params.diagnoses.is_file():
        raise _missing("acquire.diagnoses", params.diagnoses)
    table = parse_diagnoses(params.diagnoses.read_text(encoding="utf-8"))
    if not params.deidentify:
        return table
    names = read_or_make_key(params.key or default_key_file())
    return table.assign(patient_id=[names.name(patient) for patient in table["patient_id"]])


def _write_diagnoses(out: Path, table: pd.DataFrame) -> None:
    from lungml.diagnoses import diagnoses_text

    write_text(out / DIAGNOSES, diagnoses_text(table))


def _from_phantom(params: AcquireParams, out: Path) -> None:
    from lungml.phantom.cohort import write_cohort

    with atomic_folder(out) as folder:
        write_cohort(params.phantom, ct=folder / "ct", truth=folder / "truth")
        _write_diagnoses(folder, _read_diagnoses(params.model_copy(update={"diagnoses": None})))


def _missing(name: str, place: Path) -> MissingInputError:
    return MissingInputError(
        f"{name} is {place}, which is not there; name a folder or archive in params.yaml"
    )


def _nothing(source: Path) -> InputError:
    return InputError(
        f"{source} holds no DICOM and no XML file (links are not followed); check "
        "acquire.folder in params.yaml"
    )
