"""Which file's readings a series gets, where several files name it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from lungml.nodules.lidc_xml import ReadingFile
from lungml.quarantine import Finding, finding


def by_series(files: Iterable[ReadingFile]) -> dict[str, list[ReadingFile]]:
    """Group files by the series they name, sorted by path."""
    groups: dict[str, list[ReadingFile]] = defaultdict(list)
    for file in sorted(files, key=lambda each: each.path):
        groups[file.series_uid].append(file)
    return dict(groups)


def choose_file(files: Sequence[ReadingFile]) -> tuple[ReadingFile | None, list[Finding]]:
    """Choose among files that name one series: the first if all say the same, none if they disagree."""
    if not files:
        return None, []
    first, *others = files
    content = repr(first.readings)
    if all(repr(other.readings) == content for other in others):
        return first, [finding("LM-X010", other.path, "the readings of another file") for other in others]
    found = f"{len(files)} files that disagree"
    return None, [finding("LM-X005", file.path, found, "one file, or equal ones") for file in files]
