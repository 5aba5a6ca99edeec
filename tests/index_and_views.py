"""Sources other than DICOM, indexed and cut."""

from lungml.imaging.store import read_store
from lungml.params.data import ConsensusParams, CtParams, ViewsParams
from lungml.quarantine import read_findings
from lungml.stages import index, views
from lungml.tables import CONTOURS, NODULES, READINGS, SERIES, SLICES, read_table

_ALWAYS = (SERIES, SLICES, READINGS, CONTOURS, NODULES)


def indexed(root, *more):
    """Name -> table, of those that every index has and of `more`."""
    index.run(CtParams(), ConsensusParams(), raw=root / "raw", out=root / "index")
    return {
        table.name: read_table(root / "index" / f"{table.name}.parquet", table) for table in (*_ALWAYS, *more)
    }


def cut(root, view, **how):
    params = ViewsParams(**{"size_px": 32} | how)
    views.run(
        CtParams(), ConsensusParams(), params, view=view, raw=root / "raw", index=root / "index",
        out=root / "views",
    )  # fmt: skip
    return read_store(root / "views")


def found(root):
    return {item.code: item.found for item in read_findings(root / "index" / "quarantine.jsonl")}
