"""CT series of a collection of the Imaging Data Commons, from the index in the package `idc-index-data`.

Everything here works without a network. Source: Fedorov et al. 2023, doi:10.1148/rg.230180.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lungml.errors import ParamsError
from lungml.params.data import IdcParams

_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, order=True)
class Series:
    """A CT series: where it is, how many files it has and how many bytes they are together."""

    patient_id: str
    series_uid: str
    images: int
    size_bytes: int
    url: str
    """`s3://bucket/folder/`; the files lie there."""


@dataclass(frozen=True)
class Size:
    """How much a choice is."""

    patients: int
    series: int
    images: int
    gb: float


def ct_series(collection: str) -> list[Series]:
    """All CT series of a collection, sorted by patient.

    Raises:
        ParamsError: the index has no such collection, or no CT in it.
    """
    import duckdb
    import idc_index_data

    rows = duckdb.execute(
        "select PatientID, SeriesInstanceUID, instanceCount, series_size_MB, series_aws_url "
        "from read_parquet(?) where collection_id = ? and Modality = 'CT'",
        [str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH), collection],
    ).fetchall()
    if not rows:
        names = duckdb.execute(
            "select distinct collection_id from read_parquet(?) where Modality = 'CT'",
            [str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH)],
        ).fetchall()
        near = difflib.get_close_matches(collection, [name for (name,) in names], n=3)
        hint = f"; near to it are {', '.join(near)}" if near else ""
        raise ParamsError(
            f"the Imaging Data Commons has no CT collection {collection!r}{hint}; "
            "LIDC-IDRI is called lidc_idri (acquire.idc.collection)"
        )
    return sorted(_series(*row) for row in rows)


def index_version() -> str:
    """Version of the index: its first number is that of the Imaging Data Commons' data."""
    from importlib.metadata import version

    return version("idc-index-data")


def _series(patient: str, uid: str, images: int, size_mb: float, url: str) -> Series:
    return Series(patient, uid, int(images), round(size_mb * _BYTES_PER_MB), url.removesuffix("*"))


def choose(series: Sequence[Series], params: IdcParams) -> list[Series]:
    """The series of the patients that `params` asks for: whole patients, in the order of their ids.

    Raises:
        ParamsError: a patient is not in the collection, or not even one is within `max_gb`.
    """
    unknown = sorted(set(params.patients) - {each.patient_id for each in series})
    if unknown:
        raise ParamsError(
            f"acquire.idc.patients names {unknown[0]!r}, which is not in {params.collection} "
            f"({len(unknown)} of them are not); `lungml idc list` prints all"
        )
    chosen: list[Series] = []
    patients = 0
    for patient, group in groupby(sorted(series), key=lambda each: each.patient_id):
        if params.patients and patient not in params.patients:
            continue
        if params.max_patients is not None and patients == params.max_patients:
            break
        more = [*chosen, *group]
        if params.max_gb is not None and size_of(more).gb > params.max_gb:
            break
        chosen, patients = more, patients + 1
    if not chosen:
        raise ParamsError(
            f"acquire.idc.max_gb is {params.max_gb:g}, and the first patient alone is more; allow more"
        )
    return chosen


def size_of(series: Iterable[Series]) -> Size:
    """How much the series are together."""
    every = list(series)
    return Size(
        patients=len({each.patient_id for each in every}),
        series=len(every),
        images=sum(each.images for each in every),
        gb=sum(each.size_bytes for each in every) / 1e9,
    )
