"""What is expected of each frame, as Great Expectations suites.

An error stops the pipeline; a warning is shown and does not. `description` is what a person reads in the
Data Docs and in messages; it never repeats a patient's id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lungml.checks.engine import gxe
from lungml.params.data import CheckParams

_WARNING = "warning"


@dataclass(frozen=True)
class Suite:
    """The expectations on one frame; `key` is the column that names a row."""

    key: str
    expectations: Callable[[CheckParams], list[Any]]


def _series(params: CheckParams) -> list[Any]:
    return [
        _rows(1, "there is a series"),
        _unique("series_uid", "every series is listed once"),
        _equal("missing", "", "spacing, HU range and the soft-tissue mode are known"),
        _range("spacing_y_mm", params.spacing_mm, "spacing between pixel rows", "mm"),
        _range("spacing_x_mm", params.spacing_mm, "spacing between pixel columns", "mm"),
        _range("spacing_z_mm", params.slice_spacing_mm, "distance between planes", "mm"),
        _range("n_slices", params.slices, "number of planes"),
        _range("hu_min", params.hu_range, "lowest value", "HU"),
        _range("hu_max", params.hu_range, "highest value", "HU"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="hu_max", column_B="hu_min", description="the image is not of one value throughout"
        ),
        _range("air_mode_hu", params.air_mode_hu, "most frequent value of air", "HU"),
        _given("air_mode_hu", "the image shows air"),
        _range("tissue_mode_hu", params.tissue_mode_hu, "most frequent value of soft tissue", "HU"),
        _given("lung_mode_hu", "the image shows lung"),
        gxe.ExpectColumnValuesToMatchRegex(
            column="pixels_sha256", regex="^[0-9a-f]{64}$", description="the image has a checksum"
        ),
        _equal("pixels_in_series", 1, "no two series hold the same image", _WARNING),
        gxe.ExpectColumnValuesToNotBeInSet(
            column="manufacturer", value_set=[""], description="the scanner maker is known", severity=_WARNING
        ),
    ]


def _readings(params: CheckParams) -> list[Any]:
    kinds = ["nodule", "small", "non-nodule"]
    return [
        _unique("reading_id", "every reading is listed once"),
        gxe.ExpectColumnValuesToBeInSet(
            column="kind", value_set=kinds, description=f"kind is one of {', '.join(kinds)}"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="reader", min_value=0, description="reader is a session number, from 0"
        ),
        _equal("off_scale", "", "every rating is on its scale: 1-5 (calcification 1-6, structure 1-4), or 0"),
        _equal("series_known", True, "the series of the reading is in the table of series"),
        _equal("patient_matches", True, "the patient is the one of the series"),
        _equal("nodule_fits", True, "a nodule reading has a nodule of its series, every other reading none"),
        _range("diameter_of_nodule_mm", (0.0, params.diameter_mm[1]), "diameter of a nodule reading", "mm"),
        _equal("malignancy_given", True, "a nodule reading gives malignancy", _WARNING),
    ]


def _nodules(params: CheckParams) -> list[Any]:
    return [
        _rows(1, "there is a nodule"),
        _unique("nodule_id", "every nodule is listed once"),
        _equal("missing", "", "diameter, volume and centre are known"),
        _range("lowest_score", (1, 5), "lowest malignancy score"),
        _range("highest_score", (1, 5), "highest malignancy score"),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_scores", min_value=1, description="a reader scored malignancy", severity=_WARNING
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_readers", min_value=1, description="a reader marked the nodule"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_readers",
            max_value=params.usual_readers,
            description=f"at most {params.usual_readers} readers marked the nodule",
            severity=_WARNING,
        ),
        _range("diameter_mm", params.diameter_mm, "consensus diameter", "mm"),
        gxe.ExpectColumnValuesToBeBetween(
            column="volume_mm3", min_value=0, strict_min=True, description="the consensus mask is not empty"
        ),
        _equal("series_known", True, "the series of the nodule is in the table of series"),
        _equal("patient_matches", True, "the patient is the one of the series"),
        _equal("inside_volume", True, "centre and largest plane lie inside the series"),
        _equal("ambiguous", False, "the readings make one clear nodule", _WARNING),
    ]


def _labels(params: CheckParams) -> list[Any]:
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="share",
            min_value=params.min_class_share,
            description=f"the class holds at least {params.min_class_share:.1%} of the labelled nodules",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="patients",
            min_value=params.min_class_patients,
            description=f"the class occurs in at least {params.min_class_patients} patients",
        ),
    ]


def _patients(params: CheckParams) -> list[Any]:
    return [
        _rows(params.min_patients, f"there are at least {params.min_patients} patients"),
        _equal("named", True, "the patient has an id"),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_sexes",
            max_value=1,
            description="all series of a patient give the same sex",
            severity=_WARNING,
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_nodules", min_value=1, description="the patient has a nodule", severity=_WARNING
        ),
    ]


SUITES: dict[str, Suite] = {
    "series": Suite("series_uid", _series),
    "readings": Suite("reading_id", _readings),
    "nodules": Suite("nodule_id", _nodules),
    "labels": Suite("class", _labels),
    "patients": Suite("first_series_uid", _patients),
}
"""Name of a suite (and of its frame) -> its expectations."""


def _range(column: str, limits: tuple[float, float], what: str, unit: str = "") -> Any:
    text = f"{what} is between {limits[0]:g} and {limits[1]:g} {unit}".strip()
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=limits[0], max_value=limits[1], description=text
    )


def _equal(column: str, value: Any, text: str, severity: str = "critical") -> Any:
    return gxe.ExpectColumnValuesToBeInSet(
        column=column, value_set=[value], description=text, severity=severity
    )


def _unique(column: str, text: str) -> Any:
    return gxe.ExpectColumnValuesToBeUnique(column=column, description=text)


def _given(column: str, text: str) -> Any:
    return gxe.ExpectColumnValuesToNotBeNull(column=column, description=text, severity=_WARNING)


def _rows(at_least: int, text: str) -> Any:
    return gxe.ExpectTableRowCountToBeBetween(min_value=at_least, description=text)
