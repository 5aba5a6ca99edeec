import json

import numpy as np
import pytest
from ct_files import body_hu, write_ct
from lidc_files import lidc_xml, nodule, roi

from lungml.indexing import Rows, SeriesJob, index_series
from lungml.journal import Journal
from lungml.parallel import Pool
from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import _jobs, _read_folder


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    for number in range(3):
        write_ct(folder / str(number), body_hu((8, 12, 14), seed=number), SeriesInstanceUID=f"1.2.9{number}")
        square = [(4, 3), (4, 7), (8, 7), (8, 3)]
        marks = [nodule(roi(-95.0, square), roi(-92.5, square), malignancy=4)]
        (folder / f"{number}.xml").write_text(lidc_xml([marks], f"1.2.9{number}"))
    return folder


def jobs_of(raw) -> list[SeriesJob]:
    headers, files, _ = _read_folder(raw, Pool(None))
    return _jobs(headers, files, Rows())


def rows_of(job, raw) -> Rows:
    return index_series(job, raw, CtParams(), ConsensusParams())


def kept(raw, path, made_with="params") -> list[SeriesJob]:
    """Jobs of all series, of which the first two are in the journal."""
    jobs, journal = jobs_of(raw), Journal(path, made_with)
    for job in jobs[:2]:
        journal.keep(journal.fingerprint(raw, job), rows_of(job, raw))
    return jobs


def finished(journal, raw, jobs) -> dict[str, Rows]:
    return journal.finished([journal.fingerprint(raw, job) for job in jobs])


def test_rows_come_back_as_they_were(raw, tmp_path):
    jobs = kept(raw, tmp_path / "journal")
    journal = Journal(tmp_path / "journal", "params")

    found = finished(journal, raw, jobs)

    assert set(found) == {journal.fingerprint(raw, job) for job in jobs[:2]}
    again, fresh = found[journal.fingerprint(raw, jobs[0])], rows_of(jobs[0], raw)
    assert again.findings == fresh.findings
    for name, rows in fresh.tables.items():
        assert len(rows) == len(again.tables[name])
        assert (len(rows) > 0) == (name != "crops")  # a series of CT holds none
        for one, other in zip(rows, again.tables[name], strict=True):
            assert one.keys() == other.keys()
            for column in one:
                np.testing.assert_array_equal(one[column], other[column], column)


def test_a_torn_last_line_is_as_if_it_were_not_there(raw, tmp_path):
    path = tmp_path / "journal"
    jobs = kept(raw, path)
    path.write_bytes(path.read_bytes()[:-20])

    assert len(finished(Journal(path, "params"), raw, jobs)) == 1


def test_other_parameters_or_changed_files_find_nothing(raw, tmp_path):
    path = tmp_path / "journal"
    jobs = kept(raw, path)
    assert finished(Journal(path, "other params"), raw, jobs) == {}

    for file in raw.rglob("*.dcm"):
        file.write_bytes(file.read_bytes() + b"\0\0")

    assert finished(Journal(path, "params"), raw, jobs) == {}


def test_a_removed_journal_leaves_no_file(raw, tmp_path):
    jobs = kept(raw, tmp_path / "journal")
    journal = Journal(tmp_path / "journal", "params")
    journal.keep("key", rows_of(jobs[2], raw))

    journal.remove()

    assert not (tmp_path / "journal").exists()
    assert finished(journal, raw, jobs) == {}


def test_the_file_holds_json_and_no_patient_name(raw, tmp_path):
    kept(raw, tmp_path / "journal")

    lines = (tmp_path / "journal").read_text().splitlines()

    assert [set(json.loads(line)) for line in lines] == [{"key", "tables", "findings"}] * 2
    assert "Doe" not in "".join(lines)
