"""Copies of tables still name what was copied beside them."""

import numpy as np
import pandas as pd
import SimpleITK
from nameless_copies import NAMES

from lungml.phi.folder import deidentify_folder


def test_paths_in_tables_lead_to_the_renamed_files(marked):
    folder, birds, _, _ = marked

    table = pd.read_csv(folder / "out" / NAMES.path("points.csv"))

    assert list(table) == ["series", "patient_id", "x", "y", "z", "label"]
    assert table["series"].tolist()[1] == NAMES.path("a.nrrd")
    assert table["patient_id"][0] == NAMES.name(birds.words["CSV patient id"])
    assert table["label"].tolist() == ["1", "benign"]
    assert np.isnan(table["x"][1])


def test_a_sheet_keeps_its_known_columns(marked):
    folder, birds, _, _ = marked

    table = pd.read_excel(folder / "out" / NAMES.path("labels.xlsx"))

    assert list(table) == ["Full_slice", "Nodule", "TumorClass", "PatientID"]
    assert table["Full_slice"][0] == NAMES.path("a.nrrd")
    assert table["PatientID"][0] == NAMES.name(birds.words["xlsx patient id"])


def test_a_table_still_names_volumes_that_are_called_by_their_series_uid(tmp_path):
    """As in LUNA16: `<SeriesInstanceUID>.mhd`, and the same UID in the table."""
    uid = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1"
    (tmp_path / "in").mkdir()
    image = SimpleITK.GetImageFromArray(np.zeros((2, 3, 4), np.int16))
    SimpleITK.WriteImage(image, str(tmp_path / "in" / f"{uid}.mhd"))
    (tmp_path / "in" / "annotations.csv").write_text(
        f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{uid},-1.5,2,3,5\n"
    )

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    table = pd.read_csv(tmp_path / "out" / NAMES.path("annotations.csv"))
    assert (tmp_path / "out" / f"{table['seriesuid'][0]}.mhd").is_file()
    assert table["coordX"][0] == -1.5
