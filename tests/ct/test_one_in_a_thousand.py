import json

import numpy as np
import pandas as pd
import pytest
from ct_files import body_hu, write_ct

from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import run

SERIES, BAD = 1000, 617


def series(tmp_path, count):
    """A folder of series of three small slices, each with its own UID, patient and noise."""
    write_ct(tmp_path / "first", body_hu((3, 16, 16)), SeriesInstanceUID="1.2.9.1000", PatientID="MRN00000")
    template = [path.read_bytes() for path in sorted((tmp_path / "first").iterdir())]
    rng = np.random.default_rng(0)
    for number in range(count):
        folder = tmp_path / "raw" / f"s{number:04}"
        folder.mkdir(parents=True)
        for name, data in enumerate(template):
            own = bytearray(data)
            for old, new in (("1.2.9.1000", f"1.2.9.{1000 + number}"), ("MRN00000", f"MRN0{number:04}")):
                at = own.index(old.encode())
                own[at : at + len(old)] = new.encode()
            own[-2:] = int(rng.integers(900, 1100)).to_bytes(2, "little")
            (folder / f"{name}.dcm").write_bytes(own)
    return tmp_path / "raw"


@pytest.mark.slow
def test_one_bad_series_in_a_thousand_costs_exactly_that_one(tmp_path):
    thousand = series(tmp_path, SERIES)
    bad = thousand / f"s{BAD:04}" / "1.dcm"
    bad.write_bytes(bad.read_bytes()[:-1])

    run(CtParams(), ConsensusParams(), raw=thousand, out=tmp_path / "index")

    found = set(pd.read_parquet(tmp_path / "index/series.parquet")["series_uid"])
    (row,) = map(json.loads, (tmp_path / "index/quarantine.jsonl").read_text().splitlines())
    assert found == {f"1.2.9.{1000 + number}" for number in range(SERIES) if number != BAD}
    assert (row["code"], row["path"]) == ("LM-D001", f"s{BAD:04}/1.dcm")
    assert "511 pixel bytes" in row["found"]


def test_a_file_cut_at_any_sixty_fourth_costs_its_series(tmp_path):
    raw = series(tmp_path, 65)
    for share in range(64):
        cut = raw / f"s{share:04}" / "1.dcm"
        data = cut.read_bytes()
        cut.write_bytes(data[: len(data) * share // 64])

    run(CtParams(), ConsensusParams(), raw=raw, out=tmp_path / "index")

    found = set(pd.read_parquet(tmp_path / "index/series.parquet")["series_uid"])
    rows = [json.loads(line) for line in (tmp_path / "index/quarantine.jsonl").read_text().splitlines()]
    cut_files = {f"s{share:04}/1.dcm" for share in range(64)}
    assert found == {"1.2.9.1064"}
    assert {row["path"] for row in rows if row["code"] in {"LM-D001", "LM-D002", "LM-D005"}} == cut_files
