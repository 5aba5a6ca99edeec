"""The pipeline's tables: their columns, types and units, and how they are read and written.

Every table is a parquet file. Equal rows give equal bytes. `docs/data.md` shows where each one comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lungml.errors import InputError, MissingInputError
from lungml.files import atomic_file

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """Name of a table and what its columns hold.

    `columns` maps a column to its parquet type and its meaning; the first `key` columns name a row.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, tuple[str, str]]


SERIES = Table(
    "series",
    ("series_uid",),
    {
        "series_uid": ("string", "SeriesInstanceUID"),
        "study_uid": ("string", "StudyInstanceUID"),
        "patient_id": ("string", "who was scanned; the unit of every split"),
        "form": ("string", "volume; slice: single images; crop: ready-made nodule views without slices"),
        "n_slices": ("int32", "axial planes of the volume"),
        "rows": ("int32", "pixels along y"),
        "columns": ("int32", "pixels along x"),
        "spacing_z_mm": (
            "float64",
            "between neighbouring planes, from their positions; NaN if there is no volume",
        ),
        "spacing_y_mm": ("float64", "between pixel rows; NaN if unknown"),
        "spacing_x_mm": ("float64", "between pixel columns; NaN if unknown"),
        "slice_thickness_mm": ("float64", "as the header says; missing is NaN"),
        "manufacturer": ("string", "scanner maker; '' if missing"),
        "model": ("string", "scanner model; '' if missing"),
        "kernel": ("string", "reconstruction kernel; '' if missing"),
        "kvp": ("float64", "tube voltage in kV; missing is NaN"),
        "sex": ("string", "F, M, O or ''"),
        "age_years": ("float64", "missing is NaN"),
        "hu_min": ("float64", "lowest HU, padding left out"),
        "hu_p01": ("float64", "1st percentile of HU, padding left out"),
        "hu_p50": ("float64", "median HU, padding left out"),
        "hu_p99": ("float64", "99th percentile of HU, padding left out"),
        "hu_max": ("float64", "highest HU, padding left out"),
        "air_mode_hu": ("float64", "most frequent HU below -900; NaN if there is none, and of crops"),
        "lung_mode_hu": ("float64", "most frequent HU in [-950, -600); NaN likewise"),
        "tissue_mode_hu": ("float64", "most frequent HU in [-150, 200); NaN likewise"),
        "padding_fraction": ("float64", "share of pixels outside the reconstructed circle"),
        "pixels_sha256": ("string", "checksum of the HU volume's bytes: equal images have equal sums"),
    },
)

SLICES = Table(
    "slices",
    ("series_uid", "z_index"),
    {
        "series_uid": ("string", "SeriesInstanceUID"),
        "z_index": ("int32", "plane of the canonical volume, 0 is nearest the feet"),
        "sop_uid": ("string", "SOPInstanceUID"),
        "path": ("string", "file, relative to the raw folder, with /; planes of a volume file share it"),
        "position_mm": ("float64", "along the slice normal"),
    },
)

_SCALE_DIFFERS = (
    "1-5; 0 = not given. About 100 of LIDC's first 399 cases use another scale (TCIA): no ground truth"
)

READINGS = Table(
    "readings",
    ("reading_id",),
    {
        "reading_id": ("string", "one reader's marks of one nodule"),
        "series_uid": ("string", "SeriesInstanceUID"),
        "patient_id": ("string", "from the DICOM header"),
        "nodule_id": (
            "string",
            "the consensus nodule it belongs to; '' for marks below 3 mm and non-nodules",
        ),
        "reader": ("int8", "session number in the file; not a person across series"),
        "kind": ("string", "nodule, small (below 3 mm) or non-nodule"),
        "malignancy": ("int8", "1-5; 0 = not given"),
        "subtlety": ("int8", "1-5; 0 = not given"),
        "sphericity": ("int8", "1-5; 0 = not given"),
        "margin": ("int8", "1-5; 0 = not given"),
        "lobulation": ("int8", _SCALE_DIFFERS),
        "spiculation": ("int8", _SCALE_DIFFERS),
        "texture": ("int8", "1-5; 0 = not given"),
        "calcification": ("int8", "1-6; 0 = not given"),
        "internal_structure": ("int8", "1-4; 0 = not given"),
        "diameter_mm": ("float64", "of the circle with the area of its largest plane; NaN for points"),
        "z_index": ("float64", "centre, voxels of the canonical volume"),
        "y_index": ("float64", "centre, voxels of the canonical volume"),
        "x_index": ("float64", "centre, voxels of the canonical volume"),
    },
)

CONTOURS = Table(
    "contours",
    ("reading_id", "contour"),
    {
        "reading_id": ("string", "the reading it belongs to"),
        "contour": ("int32", "counts the contours of a reading"),
        "z_index": ("int32", "plane of the canonical volume"),
        "inclusion": ("bool", "False: a hole"),
        "y_index": ("list<float32>", "vertices, voxels of the canonical volume"),
        "x_index": ("list<float32>", "vertices, voxels of the canonical volume"),
    },
)

NODULES = Table(
    "nodules",
    ("nodule_id",),
    {
        "nodule_id": ("string", "consensus nodule of at least 3 mm"),
        "series_uid": ("string", "SeriesInstanceUID"),
        "patient_id": ("string", "who was scanned; the unit of every split"),
        "n_readers": ("int8", "readers who marked it"),
        "scores": ("list<int8>", "malignancy 1-5 of each reading that gives one, sorted"),
        "label": ("int8", "given class, such as pathology: 0 benign, 1 malignant; -1: the scores decide"),
        "diameter_mm": ("float64", "mean over its readings; NaN if unknown"),
        "volume_mm3": ("float64", "of the consensus mask (half of the readers or more)"),
        "z_index": ("float64", "centre of the consensus mask, voxels of the canonical volume"),
        "y_index": ("float64", "centre of the consensus mask, voxels of the canonical volume"),
        "x_index": ("float64", "centre of the consensus mask, voxels of the canonical volume"),
        "largest_z_index": ("int32", "plane in which the consensus mask is largest"),
        "ambiguous": ("bool", "one reader marked it twice, or more than four readings"),
        "crop_path": (
            "string",
            "image file or `file.npz#row` that is the nodule view; '': cut from the series",
        ),
    },
)

CROPS = Table(
    "crops",
    ("nodule_id",),
    {
        "nodule_id": ("string", "as in nodules; ready-made crops only"),
        "series_uid": ("string", "as in nodules"),
        "hu_p01": ("float64", "1st percentile of the crop's HU; padding counts as air"),
        "hu_p05": ("float64", "5th percentile likewise"),
        "dense_fraction": ("float64", "share of the crop of 500 HU or more"),
        "middle_hu": ("float64", "median HU of the disc in the middle that is as wide as the nodule"),
    },
)

SPLIT = Table(
    "split",
    ("nodule_id",),
    {
        "nodule_id": ("string", "as in nodules"),
        "patient_id": ("string", "as in nodules"),
        "score": ("float64", "consensus malignancy under the label policy, 1 to 5"),
        "scores": ("list<int8>", "malignancy 1-5 of each reader behind it; none where a label is given"),
        "binary": ("int8", "0 benign, 1 malignant; -1: left out by the policy, or excluded"),
        "five": ("int8", "0 to 4: score - 1; -1: left out by the policy, or excluded"),
        "part": ("string", "train, val or test; excluded: the reviewed list leaves it out"),
        "fold": ("int8", "cross-validation part of train and val; -1 in test, and where excluded"),
    },
)

PREDICTIONS = Table(
    "predictions",
    ("nodule_id",),
    {
        "nodule_id": ("string", "as in split"),
        "patient_id": ("string", "as in split"),
        "part": ("string", "as in split"),
        "label": ("int8", "class index of the task's target"),
        "probabilities": ("list<float64>", "one per class, raw"),
        "probabilities_tta": ("list<float64>", "one per class, mean over test-time views"),
    },
)

BASELINES = Table(
    "baselines",
    ("nodule_id", "baseline"),
    {
        "nodule_id": ("string", "as in split"),
        "baseline": ("string", "what was allowed to see less than the model"),
        "probabilities": ("list<float64>", "one per class of the task's target"),
    },
)

OUTLIERS = Table(
    "outliers",
    ("nodule_id",),
    {
        "nodule_id": ("string", "as in split"),
        "part": ("string", "as in split"),
        "knn": ("float64", "mean distance to the nearest nodules of train"),
        "mahalanobis": ("float64", "distance from the mean of train in its shrunk covariance"),
        "isolation": ("float64", "isolation forest score, 0 to 1; near 1 is easily isolated"),
        "image": ("float64", "how odd the view's own statistics in HU are, in robust deviations"),
        "unusual": ("float64", "mean over the scores of the robust deviations above train's median"),
        "rank": ("int32", "1 is the most unusual by the scores together"),
        "detector": ("string", "the score that is farthest above train's"),
        "reason": ("string", "that score, and the statistic of the view that is oddest"),
        "tsne_x": ("float64", "for the picture only; has no unit"),
        "tsne_y": ("float64", "for the picture only; has no unit"),
    },
)

SUSPICIOUS = Table(
    "suspicious labels",
    ("nodule_id",),
    {
        "nodule_id": ("string", "as in split"),
        "part": ("string", "as in split; never test"),
        "rank": ("int32", "1 is the least likely label"),
        "given": ("int8", "class index of the label"),
        "suggested": ("int8", "class index the model would say"),
        "given_probability": ("float64", "of the given class, by a model that did not learn from the nodule"),
        "suggested_probability": ("float64", "of the suggested class"),
    },
)


def write_table(path: Path, frame: pd.DataFrame, table: Table) -> None:
    """Write `frame` as `table`: its columns in order, sorted by its key, as a whole or not at all.

    Raises:
        ValueError: a column is missing or one too many, or two rows have the same key.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if set(frame.columns) != set(table.columns):
        raise ValueError(
            f"table {table.name}: columns differ: {sorted(set(frame.columns) ^ set(table.columns))}"
        )
    if frame.duplicated(list(table.key)).any():
        raise ValueError(f"table {table.name}: rows share the key {table.key}")
    ordered = frame.sort_values(list(table.key), kind="stable").reset_index(drop=True)[list(table.columns)]
    arrow = pa.Table.from_pandas(ordered, schema=_arrow_schema(table), preserve_index=False)
    with atomic_file(path) as temporary:
        pq.write_table(arrow.replace_schema_metadata(None), temporary)


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a table and check its columns and types.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is not this table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise MissingInputError(
            f"table {table.name} is not at {path}; run the stage that writes it (`dvc repro`)"
        )
    try:
        arrow = pq.ParquetFile(path).read()
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not a parquet file ({error}); delete it and run `dvc repro`") from error
    if not arrow.schema.equals(_arrow_schema(table), check_metadata=False):
        raise InputError(
            f"{path} is not a {table.name} table: found columns {_types(arrow.schema)}, "
            f"expected {_types(_arrow_schema(table))}. It may be from another version; run `dvc repro`"
        )
    frame: pd.DataFrame = arrow.to_pandas()
    return frame


def _arrow_schema(table: Table):  # type: ignore[no-untyped-def]
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "bool": pa.bool_(),
        "int8": pa.int8(),
        "int32": pa.int32(),
        "float64": pa.float64(),
        "list<int8>": pa.list_(pa.int8()),
        "list<float32>": pa.list_(pa.float32()),
        "list<float64>": pa.list_(pa.float64()),
    }
    return pa.schema([pa.field(name, types[kind]) for name, (kind, _) in table.columns.items()])


def _types(schema) -> str:  # type: ignore[no-untyped-def]
    return ", ".join(f"{field.name}: {field.type}" for field in schema)
