import json

import numpy as np
import pandas as pd
import pytest
from audit_cohort import make_cohort, view_store
from index_tables import make_index

from lungml.errors import ChecksFailedError, MissingInputError
from lungml.imaging.store import write_store
from lungml.params.audit import AuditParams
from lungml.params.data import LabelParams
from lungml.stages import audit
from lungml.tables import NODULES, SERIES, SLICES, SPLIT, write_table
from lungml.terms import View

PATIENTS = 20


def write_all(root, cohort):
    """The cohort as the stages before leave it."""
    nodules = cohort.nodules
    slices = pd.DataFrame(
        {
            "series_uid": nodules["series_uid"],
            "z_index": nodules["plane"].astype(np.int32),
            "sop_uid": nodules["sop_uid"],
            "path": nodules["path"],
            "position_mm": 0.0,
        }
    )
    index = nodules.assign(largest_z_index=nodules["plane"].astype(np.int32))
    write_table(root / "index/nodules.parquet", index[list(NODULES.columns)], NODULES)
    write_table(root / "index/series.parquet", cohort.series, SERIES)
    write_table(root / "index/slices.parquet", slices, SLICES)
    write_table(root / "split.parquet", nodules[list(SPLIT.columns)], SPLIT)
    for view, images in cohort.images.items():
        store = view_store(nodules, images)
        write_store(
            root / "views" / view, images_hu=store.images_hu, masks=store.masks, items=store.items, info={}
        )


def run(root, params=None):
    audit.run(
        params or AuditParams(),
        LabelParams(),
        raw=root / "raw",
        index=root / "index",
        split=root / "split.parquet",
        views=root / "views",
        out=root / "audit",
        passed=root / "passed",
    )
    return json.loads((root / "audit/result.json").read_text())


@pytest.fixture
def leaky(tmp_path):
    """Files of a cohort in which a nodule of train is also in test; and the two ids."""
    cohort = make_cohort(PATIENTS)
    rows = [cohort.row("train"), cohort.row("test")]
    cohort.images[View.NODULE][rows[1]] = np.rot90(cohort.images[View.NODULE][rows[0]])
    write_all(tmp_path, cohort)
    return tmp_path, sorted(cohort.nodules["nodule_id"][rows])


def test_clean_parts_pass_and_say_what_was_compared(tmp_path, capsys):
    cohort = make_cohort(PATIENTS)
    write_all(tmp_path, cohort)

    result = run(tmp_path)

    count = len(make_index(PATIENTS).nodules)
    assert result["success"] is True
    assert result["compared"] == {"nodules": count, "slice views": count, "nodule views": count}
    assert "no leakage between parts" in capsys.readouterr().err
    assert (tmp_path / "passed").is_file()


def test_a_leak_stops_with_code_and_nodules_and_leaves_the_result(leaky):
    root, nodules = leaky
    (root / "passed").write_text("of an earlier run")

    with pytest.raises(ChecksFailedError, match="LM-V008") as caught:
        run(root)

    assert all(nodule in str(caught.value) for nodule in nodules)
    assert caught.value.exit_code == 11
    assert not (root / "passed").exists()
    assert json.loads((root / "audit/result.json").read_text())["counts"]["alarm"] == 1
    pairs = pd.read_csv(root / "audit/pairs.csv")
    assert pairs[["first", "second", "view", "kind", "level"]].to_numpy().tolist() == [
        [*nodules, "nodule", "near", "alarm"]
    ]


def test_an_accepted_finding_is_listed_with_its_reason_and_does_not_stop(leaky):
    root, nodules = leaky
    entry = {"code": "LM-V008", "nodules": nodules, "reason": "phantoms made to look alike"}

    result = run(root, AuditParams.model_validate({"accepted": [entry]}))

    (found,) = result["findings"]
    assert result["success"] is True
    assert (found["level"], found["reason"]) == ("accepted", "phantoms made to look alike")


def test_accepting_other_nodules_does_not_open_the_gate(leaky, capsys):
    root, nodules = leaky
    entry = {"code": "LM-V008", "nodules": ["another", nodules[0]], "reason": "looked at them"}

    with pytest.raises(ChecksFailedError, match="LM-V008"):
        run(root, AuditParams.model_validate({"accepted": [entry]}))

    assert "lists LM-V008, which was not found" in capsys.readouterr().err


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(MissingInputError, match="table nodules"):
        run(tmp_path)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    write_all(tmp_path, make_cohort(PATIENTS))

    run(tmp_path)
    first = [path.read_bytes() for path in sorted((tmp_path / "audit").iterdir())]
    run(tmp_path)

    assert first == [path.read_bytes() for path in sorted((tmp_path / "audit").iterdir())]
