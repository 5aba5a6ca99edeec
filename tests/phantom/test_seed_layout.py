"""The seed study's layout: a sheet, and two NRRD files per nodule that any tool reads."""

import csv

import numpy as np
import pytest
import SimpleITK
from openpyxl import load_workbook

from lungml.params.data import PhantomParams
from lungml.phantom.patient import draw_patients
from lungml.phantom.scores import consensus_class
from lungml.phantom.seed_layout import write_seed_layout, write_sheet

PARAMS = PhantomParams(patients=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("seed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        write_seed_layout(PARAMS, out)
    return out


@pytest.fixture(scope="module")
def rows(folder):
    header, *rows = load_workbook(folder / "dataset_lung.xlsx").active.iter_rows(values_only=True)
    assert header == ("Full_slice", "Nodule", "TumorClass")
    return rows


def test_there_is_one_row_per_nodule_with_the_readers_class(rows):
    findings = [finding for patient in draw_patients(PARAMS) for finding in patient.findings]

    assert [row[2] for row in rows] == [
        consensus_class([rating.malignancy for rating in finding.ratings]) for finding in findings
    ]


def test_files_are_numbered_by_nodule_and_all_there(rows, folder):
    assert [row[0] for row in rows] == [f"pat{n}_fullslice.nrrd" for n in range(1, len(rows) + 1)]
    assert [row[1] for row in rows] == [f"pat{n}_nodule.nrrd" for n in range(1, len(rows) + 1)]
    assert all((folder / name).is_file() for row in rows for name in row[:2])


def test_slices_and_nodules_are_planes_of_hu(rows, folder):
    for slice_name, nodule_name, _ in rows:
        whole, part = (SimpleITK.ReadImage(str(folder / name)) for name in (slice_name, nodule_name))
        image, crop = SimpleITK.GetArrayFromImage(whole), SimpleITK.GetArrayFromImage(part)

        assert image.dtype == crop.dtype == np.int16
        assert image.ndim == crop.ndim == 2
        assert image.min() < -950
        assert image.max() > 400
        assert whole.GetSpacing() == part.GetSpacing()
        assert max(crop.shape) < 60


def test_a_nodule_is_a_piece_of_its_slice_as_large_as_the_truth_says(rows, folder):
    with (folder / "truth" / "nodules.csv").open(encoding="utf-8") as stream:
        truth = list(csv.DictReader(stream))

    for (slice_name, nodule_name, _), known in zip(rows, truth, strict=True):
        image, crop = (
            SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / name)))
            for name in (slice_name, nodule_name)
        )
        windows = np.lib.stride_tricks.sliding_window_view(image, crop.shape)
        assert (windows == crop).all(axis=(2, 3)).any()
        assert max(crop.shape) * 1.35 > float(known["diameter_mm"]) * 0.9


def test_the_sheet_of_the_same_rows_is_the_same_bytes(tmp_path):
    rows = [{"row": ("pat1_fullslice.nrrd", "pat1_nodule.nrrd", 3)}]

    for name in ("one.xlsx", "two.xlsx"):
        write_sheet(tmp_path / name, rows)

    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    assert load_workbook(tmp_path / "one.xlsx").properties.modified.year == 2000
