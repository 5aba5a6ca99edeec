"""Every fault of the catalogue, planted in one series of two: its code, its action, and nothing else harmed.

A row: what is wrong -> (code of `lungml.faults`, or "" where nothing is wrong for us; whether the series is
still used; how the fault is planted). The numbers are those of the fault table in docs.
"""

import hashlib
import json
import os
import stat

import pytest
from ct_faults import BAD, CANARIES, SHAPE
from ct_files import body_hu, write_ct
from faulty_files import CUTS, NAMES, NOT_DICOM
from faulty_pixels import NESTING, PIXELS, RESCALE
from faulty_places import PLACES
from faulty_readings import XML

from lungml.ct import filling, read_header
from lungml.ct.direct import DirectReader
from lungml.faults import FAULTS, Action
from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import run

CATALOGUE = CUTS | NOT_DICOM | RESCALE | PIXELS | NESTING | PLACES | NAMES | XML
"""What is wrong -> (code, whether the series is still used, how it is planted)."""


def test_the_catalogue_is_as_long_as_promised():
    assert len(CATALOGUE) >= 120


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    write_ct(folder, body_hu((4, 40, 48), seed=1), SeriesInstanceUID="1.2.77", StudyInstanceUID="1.2.78")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    write_ct(folder, body_hu(SHAPE), SpecificCharacterSet="ISO_IR 100", **BAD)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def raw(tmp_path, good_files, bad_files):
    """A folder of two good series; the second one's folder bears the name of its patient."""
    for folder, files in (("good", good_files), ("Zoe_CANARYNAME", bad_files)):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        for name, content in files.items():
            (tmp_path / "raw" / folder / name).write_bytes(content)
    return tmp_path / "raw"


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_planted_fault_has_its_code_and_harms_nothing_else(raw, tmp_path, fault, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    code, used, plant = CATALOGUE[fault]
    plant(sorted((raw / "Zoe_CANARYNAME").iterdir()))
    before = snapshot(raw)
    assume = (1.0, -1024.0) if fault.startswith("D05 assumed") else None

    run(CtParams(assume_rescale=assume), ConsensusParams(), raw=raw, out=tmp_path / "index")

    ledger = (tmp_path / "index" / "quarantine.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in ledger.splitlines()]
    found = {row["code"]: row["action"] for row in rows}
    if code:
        assert found.get(code) == FAULTS[code].action, rows
    else:
        assert {row["code"] for row in rows if row["action"] != Action.NOTED} == set(), rows
    assert series_of(tmp_path / "index") == {"1.2.77", BAD["SeriesInstanceUID"]} if used else {"1.2.77"}
    assert not [row for row in rows if row["path"].startswith("good")]
    assert [canary for canary in CANARIES if canary.casefold() in ledger.casefold()] == []
    assert snapshot(raw) == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", CATALOGUE)
def test_the_fast_roads_find_in_a_faulty_folder_what_pydicom_finds(raw, tmp_path, fault, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    CATALOGUE[fault][2](sorted((raw / "Zoe_CANARYNAME").iterdir()))
    run(CtParams(), ConsensusParams(), raw=raw, out=tmp_path / "fast")
    monkeypatch.setattr(read_header, "walk_header", lambda stream, wanted: None)
    monkeypatch.setattr(DirectReader, "read_into", lambda self, header, hu, padding: False)
    monkeypatch.setattr(filling, "place", lambda stored, header, hu, padding: False)

    run(CtParams(), ConsensusParams(), raw=raw, out=tmp_path / "general")

    fast, general = (
        {path.name: path.read_bytes() for path in (tmp_path / road).iterdir()} for road in ("fast", "general")
    )
    assert fast == general


def series_of(index):
    import pandas as pd

    return set(pd.read_parquet(index / "series.parquet")["series_uid"])


def snapshot(folder):
    """Names, kinds, times and checksums of everything in a folder."""
    state = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        state[os.fsencode(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
        if stat.S_ISREG(status.st_mode):
            state[os.fsencode(path)] += (hashlib.sha256(path.read_bytes()).hexdigest(),)
    return state
