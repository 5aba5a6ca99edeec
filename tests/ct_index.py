"""What the index says about a folder, without writing anything."""

from functools import partial

from lungml.indexing import Rows, index_series
from lungml.parallel import Pool
from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import _jobs, _read_folder


def index_folder(raw, ct=None):
    """Rows and findings of a raw folder, in this process."""
    headers, files, findings = _read_folder(raw, Pool(None))
    rows = Rows(findings=findings)
    work = partial(index_series, raw=raw, ct=ct or CtParams(), consensus=ConsensusParams())
    for job in _jobs(headers, files, rows):
        rows.add(work(job))
    return rows


def slices_of(raw, ct=None):
    """Table SLICES of a raw folder with one good series."""
    import pandas as pd

    rows = index_folder(raw, ct)
    assert rows.tables["slices"], rows.findings
    return pd.DataFrame(rows.tables["slices"])


def codes(raw, ct=None):
    """Codes of the findings about a raw folder."""
    return {finding.code for finding in index_folder(raw, ct).findings}
