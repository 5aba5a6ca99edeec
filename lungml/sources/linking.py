"""Which series or volume file each row of a table of points means, and whether the rows fit one another."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from lungml.ct.header import Header
from lungml.ct.paths import split_frame
from lungml.sources.marks import Mark
from lungml.sources.points import Point
from lungml.sources.problems import Problems
from lungml.sources.volumes import patient_of_file, stem_of

Key = tuple[str, str]
"""("series", SeriesInstanceUID) or ("file", path of a volume file)."""


@dataclass(frozen=True)
class Known:
    """What of the raw folder a table can name.

    Attributes:
        patients: SeriesInstanceUID -> PatientID of its headers, '' if missing.
        folders: folder or DICOM file -> UIDs of the series with images in it or below.
        volumes: paths of volume files.
    """

    patients: Mapping[str, str]
    folders: Mapping[str, frozenset[str]]
    volumes: frozenset[str]

    @classmethod
    def of(cls, groups: Mapping[str, Sequence[Header]], volumes: Iterable[str]) -> Known:
        """From series, by UID, and volume files."""
        folders: dict[str, set[str]] = defaultdict(set)
        for uid, headers in groups.items():
            files = {PurePosixPath(split_frame(header.path)[0]) for header in headers}
            for place in files | {parent for file in files for parent in file.parents}:
                folders[str(place)].add(uid)
        patients = {uid: headers[0].patient_id for uid, headers in groups.items()}
        return cls(
            patients, {folder: frozenset(uids) for folder, uids in folders.items()}, frozenset(volumes)
        )

    def named(self, name: str, table: str) -> set[Key]:
        """What `name` in a table may mean: a UID, a folder or file beside the table, a volume file's name."""
        if name in self.patients:
            return {("series", name)}
        beside = posixpath.join(posixpath.dirname(table), name.replace("\\", "/"))
        path = posixpath.normpath(beside)
        if path in self.volumes:
            return {("file", path)}
        if path in self.folders:
            return {("series", uid) for uid in self.folders[path]}
        return {("file", each) for each in self.volumes if name in {stem_of(each), PurePosixPath(each).name}}


def link_points(points: Sequence[Point], known: Known, problems: Problems) -> dict[Key, list[Mark]]:
    """Give every series its marks, with their patients; what does not fit goes into `problems`."""
    marks: dict[Key, list[Mark]] = defaultdict(list)
    for point in points:
        mark, keys = point.mark, known.named(point.series, point.mark.table)
        if len(keys) == 1:
            marks[keys.pop()].append(mark)
        else:
            found = f"{len(keys)} series or files" if keys else "nothing of this name"
            problems.add("LM-L004", mark.table, mark.row, found)
    _check_patients(marks, known, problems)
    naming = {point.mark.table for point in points if point.mark.patient_id}
    linked = {}
    for key, own in marks.items():
        named = _with_patient(key, own, known, naming, problems)
        linked[key] = _without_repeats(named, problems)
    return {key: own for key, own in linked.items() if own}


def _with_patient(
    key: Key, marks: Sequence[Mark], known: Known, naming: set[str], problems: Problems
) -> list[Mark]:
    """Marks of one series with its patient: that of the table, else of the headers.

    Where neither says, rows of a table that names other patients are set aside; a table that names none has
    each series count as a patient.
    """
    patient = next((mark.patient_id for mark in marks if mark.patient_id), known.patients.get(key[1], ""))
    if patient:
        return [replace(mark, patient_id=patient) for mark in marks]
    kept = [mark for mark in marks if mark.table not in naming]
    for mark in marks:
        problems.add("LM-L009" if mark.table in naming else "LM-L010", mark.table, mark.row)
    stand_in = patient_of_file(key[1]) if key[0] == "file" else ""
    return [replace(mark, patient_id=stand_in) for mark in kept]


def _check_patients(marks: Mapping[Key, Sequence[Mark]], known: Known, problems: Problems) -> None:
    """One series is of one patient, and one PatientID of the headers is one patient of the tables."""
    by_header: dict[str, set[str]] = defaultdict(set)
    for key, own in marks.items():
        ids = {mark.patient_id for mark in own} - {""}
        if len(ids) > 1:
            for mark in own:
                problems.add("LM-L011", mark.table, mark.row)
        by_header[known.patients.get(key[1], "")] |= ids
    for key, own in marks.items():
        header = known.patients.get(key[1], "")
        if header and len(by_header[header]) > 1 and len({mark.patient_id for mark in own} - {""}) == 1:
            for mark in own:
                problems.add("LM-L011", mark.table, mark.row)


def _without_repeats(marks: Sequence[Mark], problems: Problems) -> list[Mark]:
    """One mark for each nodule, by name and by place; a nodule with different answers is a conflict."""
    first: dict[object, Mark] = {}
    kept = []
    for mark in marks:
        keys = [mark.name, _place(mark)] if mark.name else [_place(mark)]
        same = next((first[key] for key in keys if key in first), None)
        first |= {key: mark for key in keys if key not in first}
        if same is None:
            kept.append(mark)
        elif (same.score, same.label) == (mark.score, mark.label):
            problems.add("LM-L008", mark.table, mark.row, f"as row {same.row}")
        else:
            problems.add("LM-L003", mark.table, mark.row, f"not the answer of row {same.row}")
    return kept


def _place(mark: Mark) -> tuple[bool, tuple[float, ...]]:
    return mark.in_voxels, tuple(round(value, 1) for value in mark.centre)
