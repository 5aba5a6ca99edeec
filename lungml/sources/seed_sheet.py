"""The seed study's sheet, `dataset_lung.xlsx`: a full slice, a nodule image and a class from 1 to 5 a row.

Everything that is wrong with it is said at once, with the numbers of the rows.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lungml.sources.cells import Cells
from lungml.sources.problems import Problems

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

COLUMNS = ("Full_slice", "Nodule", "TumorClass")
SHEET_NAME = "dataset_lung.xlsx"
_MAX_UNPACKED_BYTES = 1 << 30


@dataclass(frozen=True)
class SheetRow:
    """A nodule as the sheet gives it; paths are relative to the raw folder."""

    row: int
    slice_path: str
    nodule_path: str
    score: int

    @property
    def name(self) -> str:
        """The nodule image's name without what all of them end in."""
        return PurePosixPath(self.nodule_path).stem.removesuffix("_nodule")


def is_seed_sheet(path: Path) -> bool:
    """Whether a workbook has this name, or a sheet with at least two of the columns, in any case."""
    if path.name.lower() == SHEET_NAME:
        return True
    try:
        with _workbook(path) as book:
            return any(len(_places(header)) > 1 for header in _headers(book).values())
    except ValueError:
        return False


def read_sheet(raw: Path, path: str, images: Sequence[str], problems: Problems) -> list[SheetRow]:
    """Read the rows whose cells can be used; what is wrong with the others goes into `problems`.

    Args:
        raw: the raw folder.
        path: of the workbook, relative to it.
        images: paths of the image files of the folder.
        problems: gathered here.
    """
    try:
        with _workbook(raw / path) as book:
            name = _sheet(book, path, problems)
            if name is None:
                return []
            places = _places(_headers(book)[name])
            rows = list(_rows(book[name], places, path, problems))
    except ValueError as error:
        problems.add("LM-L001", path, 0, str(error))
        return []
    found = _find_images(rows, path, images, problems)
    bad = problems.rows(path, but=("LM-L014", "LM-L016"))
    return [row for row in found if row.row not in bad]


@contextmanager
def _workbook(path: Path) -> Iterator[Workbook]:
    """Open a workbook for reading row by row, formulas as they are.

    Raises:
        ValueError: it is no workbook, or unpacks to more than 1 GiB.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > _MAX_UNPACKED_BYTES:
            raise ValueError(f"a workbook that unpacks to {unpacked / 2**30:.1f} GiB")
        book = load_workbook(path, read_only=True, data_only=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, SyntaxError) as error:
        raise ValueError("no workbook that can be opened") from error
    try:
        yield book
    finally:
        book.close()


def _headers(book: Workbook) -> dict[str, tuple[str, ...]]:
    """First row of every sheet of cells."""
    return {
        sheet.title: tuple(
            str(cell or "") for row in sheet.iter_rows(max_row=1, values_only=True) for cell in row
        )
        for sheet in book.worksheets
    }


def _places(header: Iterable[str]) -> dict[str, int]:
    """Column -> where it is, whatever its case and spaces."""
    folded = ["".join(name.split()).casefold() for name in header]
    return {name: folded.index(name.casefold()) for name in COLUMNS if name.casefold() in folded}


def _sheet(book: Workbook, path: str, problems: Problems) -> str | None:
    """Title of the one visible sheet with all columns."""
    headers = _headers(book)
    fitting = [title for title, header in headers.items() if len(_places(header)) == len(COLUMNS)]
    visible = [title for title in fitting if book[title].sheet_state == "visible"]
    if len(visible) != 1:
        found = f"{len(visible)} sheets with the columns {', '.join(COLUMNS)}"
        hidden = f" and {len(fitting) - len(visible)} hidden ones" if len(fitting) > len(visible) else ""
        problems.add("LM-L001", path, 0, found + hidden)
        return None
    if len(headers) > 1:
        problems.add("LM-L016", path, 0, f"{len(headers) - 1} other sheets")
    if not set(COLUMNS) <= set(headers[visible[0]]):
        problems.add("LM-L014", path, 1, "names of columns")
    return visible[0]


def _rows(
    sheet: Any, places: Mapping[str, int], path: str, problems: Problems
) -> Iterator[tuple[int, dict[str, str], int]]:
    """(row, texts of the cells, score) of rows that are not empty."""
    for number, cells in enumerate(sheet.iter_rows(min_row=2), start=2):
        kept = {name: cells[place] for name, place in places.items() if place < len(cells)}
        texts = {name: str(_value(kept.get(name))).strip() for name in COLUMNS}
        if not any(texts.values()):
            continue
        if any(getattr(cell, "data_type", "n") == "f" for cell in kept.values()):
            problems.add("LM-L015", path, number)
            continue
        score = Cells(texts, path, number, problems).whole("TumorClass", range(1, 6), missing=0)
        if not all(texts.values()):
            empty = [name for name, text in texts.items() if not text]
            problems.add("LM-L005", path, number, f"{', '.join(empty)}: empty")
        yield number, texts, score


def _value(cell: Any) -> Any:
    value = None if cell is None else cell.value
    return "" if value is None or isinstance(value, bool) else value


def _find_images(
    rows: Iterable[tuple[int, dict[str, str], int]], path: str, images: Sequence[str], problems: Problems
) -> list[SheetRow]:
    """Rows whose two images are there; a name may leave its suffix out, and differ in case."""
    known = set(images)
    folded = {image.casefold(): image for image in images}
    found, named = [], set()
    for number, texts, score in rows:
        paths = []
        for name in ("Full_slice", "Nodule"):
            image, exact = _find_image(texts[name], path, known, folded)
            if not image and texts[name]:
                problems.add("LM-L017", path, number, f"{name}: no such file")
            if image and not exact:
                problems.add("LM-L014", path, number, name)
            paths.append(image)
        named |= set(paths)
        if all(paths):
            found.append(SheetRow(number, paths[0], paths[1], score))
    for image in sorted(known - named):
        if posixpath.dirname(image) == posixpath.dirname(path):
            problems.add("LM-L018", image, 0, "no row")
    return found


def _find_image(text: str, table: str, known: set[str], folded: Mapping[str, str]) -> tuple[str, bool]:
    """Path of an image, and whether its name is written as in the folder; '' if there is none."""
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(table), text.replace("\\", "/")))
    for path in (beside, f"{beside}.nrrd"):
        if path in known:
            return path, True
        if path.casefold() in folded:
            return folded[path.casefold()], False
    return "", False
