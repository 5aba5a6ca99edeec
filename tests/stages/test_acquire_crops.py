"""Ready-made crops among what is acquired."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from acquired import local, names_in, run
from ruamel.yaml import YAML

from lungml.errors import ParamsError
from lungml.params.scope import ScopeParams


@pytest.fixture
def crops(tmp_path):
    folder = tmp_path / "hospital" / "crops"
    folder.mkdir(parents=True)
    table = pd.DataFrame({"Nodule_ID": ["a"], "patient_id": ["P1"], "pixel_spacing_mm": [0.7]})
    table.to_csv(folder / "nodules.csv", index=False)
    np.savez(folder / "nodules.npz", hu=np.zeros((1, 9, 9), np.int16), nodule_id=["a"])
    return folder.parent


@pytest.mark.parametrize("packed", [False, True])
def test_crops_stop_a_run_of_slices_at_once_with_the_lines_that_let_it_go_on(crops, packed, tmp_path):
    source = Path(shutil.make_archive(tmp_path / "crops", "zip", crops)) if packed else crops

    with pytest.raises(ParamsError, match="no whole slice") as stopped:
        run(local(source), out=tmp_path / "raw")

    assert not (tmp_path / "raw").exists()
    lines = str(stopped.value).partition("params.yaml:\n")[2]
    scope = ScopeParams.model_validate(YAML(typ="safe").load(lines)["scope"])
    run(local(source), out=tmp_path / "raw", scope=scope)
    assert {"nodules.csv", "nodules.npz"} == {name.split("/")[-1] for name in names_in(tmp_path / "raw/ct")}


def test_a_table_without_its_archive_holds_no_crops(crops, tmp_path):
    (crops / "crops" / "nodules.npz").unlink()

    run(local(crops), out=tmp_path / "raw")

    assert names_in(tmp_path / "raw" / "ct") == ["crops/nodules.csv"]
