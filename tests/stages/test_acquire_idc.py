"""Series of the Imaging Data Commons, from a service of this machine."""

import idc_index_data
import pandas as pd
import pytest
from acquired import DICOM, names_in, run
from s3_server import Bucket, s3_server

from lungml.errors import MissingInputError
from lungml.params.data import AcquireParams, IdcParams


@pytest.fixture
def idc(tmp_path, monkeypatch):
    """Two patients with two series of two files each, in an index and on a service of this machine."""
    held = {f"u{n}/{k}.dcm": DICOM + bytes([n, k]) for n in range(2) for k in range(2)}
    index = pd.DataFrame({
        "collection_id": "lidc_idri", "Modality": "CT", "PatientID": ["P0", "P1"],
        "SeriesInstanceUID": ["1.2.0", "1.2.1"], "instanceCount": 2,
        "series_size_MB": [sum(len(held[f"u{n}/{k}.dcm"]) for k in range(2)) / 1e6 for n in range(2)],
        "series_aws_url": ["s3://idc/u0/*", "s3://idc/u1/*"],
    })  # fmt: skip
    index.to_parquet(tmp_path / "index.parquet")
    monkeypatch.setattr(idc_index_data, "IDC_INDEX_PARQUET_FILEPATH", tmp_path / "index.parquet")
    with s3_server(Bucket(held)) as bucket:
        yield bucket


def from_idc(bucket, folder, readings=None, **choice):
    choice = IdcParams(endpoint=bucket.url, **choice)
    return AcquireParams(source="idc", folder=folder, readings=readings, idc=choice)


def test_series_of_idc_are_downloaded_once_and_taken(idc, tmp_path, capsys):
    run(from_idc(idc, tmp_path / "idc"), out=tmp_path / "raw")
    idc.sent.clear()
    run(from_idc(idc, tmp_path / "idc"), out=tmp_path / "raw")

    assert names_in(tmp_path / "raw" / "ct") == [
        "P0/1.2.0/0.dcm", "P0/1.2.0/1.dcm", "P1/1.2.1/0.dcm", "P1/1.2.1/1.dcm",
    ]  # fmt: skip
    assert idc.sent == []
    assert "LIDC-XML-only.zip" in capsys.readouterr().err


def test_what_another_selection_downloaded_is_left_out(idc, tmp_path):
    run(from_idc(idc, tmp_path / "idc"), out=tmp_path / "raw")
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "1.xml").write_text("<LidcReadMessage/>")

    run(from_idc(idc, tmp_path / "idc", tmp_path / "xml", max_patients=1), out=tmp_path / "raw")

    assert names_in(tmp_path / "raw" / "ct") == ["P0/1.2.0/0.dcm", "P0/1.2.0/1.dcm", "readings/1.xml"]


def test_missing_readings_are_told_before_anything_is_downloaded(idc, tmp_path):
    with pytest.raises(MissingInputError, match=r"acquire\.readings is .*nowhere"):
        run(from_idc(idc, tmp_path / "idc", tmp_path / "nowhere.zip"), out=tmp_path / "raw")

    assert idc.sent == []
