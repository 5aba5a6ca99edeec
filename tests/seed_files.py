"""The seed study's layout in small: full slices, nodule images and a sheet."""

import numpy as np
from openpyxl import Workbook
from volume_files import write_picture

HEADER = ("Full_slice", "Nodule", "TumorClass")
SLICE_PX = (96, 100)


def full_slice(seed):
    """Air, a ring of tissue, and lung with round vessels in places of its own."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(SLICE_PX)
    hu = np.full(SLICE_PX, -1000)
    hu[8:-8, 6:-6] = 40
    hu[16:-16, 14:-14] = -860
    for centre_y, centre_x, radius in zip(
        rng.uniform(20, 76, 40), rng.uniform(18, 82, 40), rng.uniform(1, 4, 40), strict=True
    ):
        hu[(np.hypot(y - centre_y, x - centre_x) < radius) & (hu == -860)] = 30
    return (hu + rng.integers(-20, 21, SLICE_PX)).astype(np.int16)


def write_pair(folder, name, seed, box=(slice(40, 52), slice(50, 60)), spacing_mm=(0.7, 0.7)):
    """Write `name`_fullslice.nrrd and `name`_nodule.nrrd, the latter cut out of the former."""
    hu = full_slice(seed)
    write_picture(folder / f"{name}_fullslice.nrrd", hu, spacing_mm)
    write_picture(folder / f"{name}_nodule.nrrd", np.ascontiguousarray(hu[box]), spacing_mm)
    return f"{name}_fullslice.nrrd", f"{name}_nodule.nrrd"


def write_book(path, rows, header=HEADER, **sheets):
    """Write a workbook whose first sheet has these rows; `sheets` are others: title -> rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    for row in (header, *rows):
        book.active.append(list(row))
    for title, others in sheets.items():
        sheet = book.create_sheet(title)
        for row in others:
            sheet.append(list(row))
    book.save(path)
    return book


def seed_folder(folder, classes=(1, 2, 3, 4, 5), **how):
    """Write a whole cohort: pat1, pat2, ... with these classes; give the rows of its sheet."""
    rows = [(*write_pair(folder, f"pat{n}", n, **how), score) for n, score in enumerate(classes, start=1)]
    write_book(folder / "dataset_lung.xlsx", rows)
    return rows
