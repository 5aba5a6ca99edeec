"""What a raw folder holds beside DICOM and XML: volume files, tables, images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lungml.ct.image_header import data_file
from lungml.ct.itk_files import volume_suffix
from lungml.quarantine import Finding, finding
from lungml.sources.crop_tables import is_crops_header
from lungml.sources.csv_table import read_header
from lungml.sources.points import is_points_header
from lungml.sources.seed_sheet import is_seed_sheet

_NOT_DICOM = "LM-D002"
_TRUTH = "truth"


@dataclass(frozen=True)
class Sources:
    """Paths relative to the raw folder, sorted.

    Attributes:
        volumes: NIfTI, NRRD and MetaImage files, also those that turn out to hold single images.
        points: tables of points.
        sheets: sheets of the seed study's layout.
        crops: tables of ready-made crops, each with the NumPy archives in its folder.
        values: files of values that belong to a MetaImage header.
    """

    volumes: tuple[str, ...]
    points: tuple[str, ...]
    sheets: tuple[str, ...]
    crops: tuple[tuple[str, tuple[str, ...]], ...]
    values: frozenset[str]


def find_sources(raw: Path, findings: Sequence[Finding]) -> tuple[Sources, list[Finding]]:
    """Take what these sources can use out of the files that are neither DICOM nor XML.

    Args:
        raw: the raw folder.
        findings: about its files; a file that is neither DICOM nor XML has LM-D002.

    Returns:
        The sources, and the findings about all other files.
    """
    others = sorted(item.path for item in findings if item.code == _NOT_DICOM)
    volumes = tuple(path for path in others if volume_suffix(path))
    tables = [path for path in others if path.lower().endswith((".csv", ".xlsx"))]
    kinds = {path: _kind(raw, path) for path in tables}
    values = value_files(raw, findings)
    crops = tuple((path, _archives_beside(path, others)) for path in tables if kinds[path] == "crops")
    taken = {*volumes, *tables, *values, *(archive for _, beside in crops for archive in beside)}
    rest = [item for item in findings if item.path not in (taken if item.code == _NOT_DICOM else values)]
    rest += [finding("LM-L002", path, "other columns") for path in tables if not kinds[path]]
    points, sheets = (tuple(path for path in tables if kinds[path] == kind) for kind in ("points", "sheet"))
    return Sources(volumes, points, sheets, crops, values), rest


def value_files(raw: Path, findings: Sequence[Finding]) -> frozenset[str]:
    """Files that hold the values of MetaImage headers; their first bytes may look like anything."""
    headers = (item.path for item in findings if item.path.lower().endswith(".mhd"))
    return frozenset(_values_of(raw, path) for path in headers) - {""}


def _archives_beside(table: str, paths: Sequence[str]) -> tuple[str, ...]:
    folder = PurePosixPath(table).parent
    archives = (path for path in paths if path.lower().endswith(".npz"))
    return tuple(path for path in archives if PurePosixPath(path).parent == folder)


def _kind(raw: Path, path: str) -> str:
    """points, crops or sheet; '' for a table of something else, and for the truth about a phantom cohort."""
    if PurePosixPath(path).parent.name == _TRUTH:
        return ""
    if path.lower().endswith(".xlsx"):
        return "sheet" if is_seed_sheet(raw / path) else ""
    columns = read_header(raw / path)
    if is_points_header(columns):
        return "points"
    return "crops" if is_crops_header(columns) else ""


def _values_of(raw: Path, path: str) -> str:
    """Path of the file of values beside a header; '' if it is not beside it, or the same file."""
    name = data_file(raw / path)
    return str(PurePosixPath(path).parent / name) if name and PurePosixPath(name).name == name else ""
