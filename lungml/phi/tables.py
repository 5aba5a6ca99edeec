"""Tables of points and label sheets without the patient: only columns of a list pass, each as its kind."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lungml.errors import InputError
from lungml.files import atomic_file, write_text
from lungml.phi.keys import Pseudonyms
from lungml.quarantine import RefusedError, finding

_MOST_BYTES = 256 * 2**20
_OLDEST_TOLD_APART = 89
_KNOWN_WORDS = re.compile(r"m|f|o|male|female|benign|malignant|true|false|lps|voxel|mm|train|val|test", re.I)

Cell = Callable[[str, Pseudonyms], Any]


def _word(text: str, names: Pseudonyms) -> str:
    return names.name(text)


def _uid(text: str, names: Pseudonyms) -> str:
    """UIDs are replaced; other words in such a column are paths."""
    return names.uid(text) if re.fullmatch(r"\d+(\.\d+)+", text) else names.path(text)


def _path(text: str, names: Pseudonyms) -> str:
    return names.path(text)


def _number(text: str, _names: Pseudonyms) -> int | float | str:
    """Numbers pass, and the few words that labels are made of; all else becomes empty."""
    try:
        value = float(text)
    except ValueError:
        return text if _KNOWN_WORDS.fullmatch(text) else ""
    if not math.isfinite(value):
        return ""
    return int(value) if re.fullmatch(r"[+-]?\d+", text) else value


def _age(text: str, names: Pseudonyms) -> int | float | str:
    value = _number(text, names)
    if not isinstance(value, int | float):
        return ""
    return _OLDEST_TOLD_APART + 1 if value > _OLDEST_TOLD_APART else value


COLUMNS: dict[str, Cell] = {
    **dict.fromkeys(
        ("patientid", "patient", "pid", "subject", "subjectid", "case", "caseid", "noduleid", "annotationid",
         "lesionid"),
        _word,
    ),
    **dict.fromkeys(
        ("seriesuid", "seriesinstanceuid", "studyuid", "studyinstanceuid", "sopuid", "sopinstanceuid",
         "series"),
        _uid,
    ),
    **dict.fromkeys(
        ("volume", "file", "path", "filename", "image", "folder", "fullslice", "nodule", "crop",
         "slice", "mask"),
        _path,
    ),
    **dict.fromkeys(
        ("x", "y", "z", "xmm", "ymm", "zmm", "coordx", "coordy", "coordz", "centerx", "centery", "centerz",
         "xvoxel", "yvoxel", "zvoxel", "xindex", "yindex", "zindex", "voxelx", "voxely", "voxelz", "i", "j",
         "k", "diametermm", "diameter", "score", "scores", "malignancy", "label", "class", "tumorclass",
         "pathology", "target", "reader", "r1", "r2", "r3", "r4", "sex", "gender", "units", "coordinates",
         "split", "fold", "sliceindex", "pixelspacingmm", "spacingmm", "spacingx", "spacingy", "spacingz"),
        _number,
    ),
    **dict.fromkeys(("age", "ageyears", "ageatstudydate", "patientage"), _age),
}  # fmt: skip
"""Name of a column, in small letters and without spaces and punctuation -> what is done with its cells."""


def deidentify_table(raw: Path, path: str, target: Path, names: Pseudonyms) -> None:
    """Write a CSV or XLSX table (its first sheet) to `target`, with the columns of `COLUMNS` only.

    Raises:
        RefusedError: it cannot be read, is too large (LM-P003), or no column is known (LM-P004).
    """
    if (raw / path).stat().st_size > _MOST_BYTES:
        raise RefusedError(finding("LM-P003", path, "more than 256 MiB"))
    is_sheet = path.lower().endswith(".xlsx")
    header, *rows = _read_sheet(raw, path) if is_sheet else _read_csv(raw, path)
    kept = [(index, name.strip(), cell) for index, name in enumerate(header) if (cell := _cell_of(name))]
    if not kept:
        raise RefusedError(finding("LM-P004", path, f"{len(header)} columns"))
    table = [[_plain(name) for _, name, _ in kept]]
    table += [[_clean(row, index, cell, names) for index, _, cell in kept] for row in rows]
    (_write_sheet if is_sheet else _write_csv)(target, table)


def _cell_of(name: str) -> Cell | None:
    return COLUMNS.get(re.sub(r"[\W_]", "", name).casefold())


def _plain(name: str) -> str:
    """The name with nothing but letters, digits and single underscores, as the list knows it."""
    return "_".join(re.findall(r"[A-Za-z0-9]+", name))


def _clean(row: list[str], index: int, cell: Cell, names: Pseudonyms) -> Any:
    text = row[index].strip() if index < len(row) else ""
    return cell(text, names) if text else ""


def _read_csv(raw: Path, path: str) -> list[list[str]]:
    data = (raw / path).read_bytes()
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig", errors="replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise RefusedError(finding("LM-P003", path, "no readable CSV")) from error
    return rows or [[]]


def _read_sheet(raw: Path, path: str) -> list[list[str]]:
    """Values of the first visible sheet; formulas count as what they gave when the file was saved."""
    import zipfile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    from lungml.archives.unpack import check_zip

    try:
        check_zip(raw / path)
        book = load_workbook(raw / path, read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        rows = [["" if cell is None else str(cell) for cell in row] for row in sheets[0].values]
        book.close()
    except (
        InvalidFileException,
        InputError,
        zipfile.BadZipFile,
        LookupError,
        ValueError,
        TypeError,
    ) as error:
        raise RefusedError(finding("LM-P003", path, "no readable sheet")) from error
    return [row for row in rows if any(row)] or [[]]


def _write_csv(target: Path, table: Iterable[Iterable[Any]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(table)
    write_text(target, stream.getvalue())


def _write_sheet(target: Path, table: Iterable[Iterable[Any]]) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet")
    for row in table:
        sheet.append(list(row))
    with atomic_file(target) as temporary:
        book.save(temporary)
