"""All sources of a raw folder beside LIDC's XML, read before any series is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungml.ct.header import Header
from lungml.index_rows import Rows
from lungml.parallel import Pool
from lungml.sources.crops import index_crops
from lungml.sources.folder import Sources
from lungml.sources.linking import Key, Known, link_points
from lungml.sources.marks import Mark
from lungml.sources.points import read_points
from lungml.sources.problems import Problems
from lungml.sources.seed_rows import index_sheet
from lungml.sources.seed_sheet import read_sheet

POINTS, SHEET, CROPS = "table of points", "seed sheet", "ready-made crops"


@dataclass(frozen=True)
class Gathered:
    """What tables say.

    Attributes:
        marks: of each series or volume file that a table of points names.
        rows: of sheets and ready-made crops; findings of all sources.
        names: of the sources that gave something.
    """

    marks: Mapping[Key, Sequence[Mark]]
    rows: Rows
    names: tuple[str, ...]

    @property
    def patients(self) -> set[str]:
        """Ids of patients that tables name."""
        in_marks = {mark.patient_id for own in self.marks.values() for mark in own}
        return (in_marks | {row["patient_id"] for row in self.rows.tables["series"]}) - {""}


def gather(raw: Path, sources: Sources, groups: Mapping[str, Sequence[Header]], pool: Pool) -> Gathered:
    """Read every table.

    Args:
        raw: the raw folder.
        sources: what there is beside DICOM and XML.
        groups: DICOM headers by SeriesInstanceUID.
        pool: for the images that a sheet names.
    """
    problems, rows, names = Problems(), Rows(), []
    named: set[str] = set()
    for path in sources.sheets:
        sheet = read_sheet(raw, path, _below(path, sources.volumes), problems)
        named |= {image for row in sheet for image in (row.slice_path, row.nodule_path)}
        rows.add(index_sheet(raw, path, sheet, pool, problems))
        names.append(SHEET)
    for path, archives in sources.crops:
        rows.add(index_crops(raw, path, archives, problems))
        names.append(CROPS)
    points = [point for path in sources.points for point in read_points(raw, path, problems)]
    marks = link_points(points, Known.of(groups, set(sources.volumes) - named), problems)
    in_marks = {path for kind, path in marks if kind == "file"}
    for path in sorted(set(sources.volumes) - named - in_marks - problems.tables("LM-L018")):
        problems.add("LM-L012", path, 0, "no row")
    rows.findings += problems.findings()
    return Gathered(marks, rows, tuple(dict.fromkeys([*names, *([POINTS] if marks else [])])))


def _below(table: str, paths: Sequence[str]) -> list[str]:
    """Files in the folder of a table or below."""
    folder = table.rpartition("/")[0]
    return [path for path in paths if not folder or path.startswith(f"{folder}/")]
