"""Copies of NumPy archives fit the copy of their table."""

import numpy as np
import pandas as pd
from nameless_copies import NAMES, files_in

from lungml.phi.folder import deidentify_folder


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
