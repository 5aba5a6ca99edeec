"""Copies of NumPy archives fit the copy of their table."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from nameless_copies import NAMES, files_in

from lungml.phi.arrays import deidentify_arrays
from lungml.phi.folder import deidentify_folder
from lungml.quarantine import RefusedError


def test_crops_and_their_table_still_fit(tmp_path):
    (tmp_path / "in").mkdir()
    views = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    np.savez(tmp_path / "in" / "crops.npz", hu=views, nodule_id=["Doe-1", "Doe-2"], note=["Doe"])
    table = "nodule_id,patient_id,pixel_spacing_mm,r1,remark\nDoe-1,Doe,0.7,3,x\nDoe-2,Doe,0.7,4,y\n"
    (tmp_path / "in" / "crops.csv").write_text(table)

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    copy = pd.read_csv(tmp_path / "out" / NAMES.path("crops.csv"))
    with np.load(tmp_path / "out" / NAMES.path("crops.npz")) as arrays:
        assert sorted(arrays.files) == ["hu", "nodule_id"]
        assert arrays["nodule_id"].tolist() == copy["nodule_id"].tolist()
        np.testing.assert_array_equal(arrays["hu"], views)
    assert copy["patient_id"].nunique() == 1
    assert not [path for path in files_in(tmp_path / "out").values() if b"Doe" in path.read_bytes()]


def test_bytes_that_are_no_array_are_not_copied(tmp_path):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "crops.npz", "w") as archive:
        archive.writestr("nodule_id", b"Doe")

    with pytest.raises(RefusedError, match="no readable archive of arrays"):
        deidentify_arrays(tmp_path / "in", "crops.npz", tmp_path / "out.npz", NAMES)

    assert not (tmp_path / "out.npz").exists()
