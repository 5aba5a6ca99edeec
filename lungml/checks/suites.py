"""What is expected of each frame, as Great Expectations suites.

An error stops the pipeline; a warning is shown and does not. `description` is what a person reads in the
Data Docs and in messages; it never repeats a patient's id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lungml.checks.engine import gxe
from lungml.checks.expect import WARNING, at_least, at_most, between, equal, mostly, one_of, rows, unique
from lungml.checks.frames import CROP_LIMITS
from lungml.params.data import CheckParams

_KINDS = ["nodule", "small", "non-nodule"]
_FORMS = ["volume", "slice", "crop"]
_MOST_PADDING = 0.6
"""A circle in its square leaves 0.21; a scan of which more than this is padding shows hardly any body."""


@dataclass(frozen=True)
class Suite:
    """The expectations on one frame; `key` is the column that names a row.

    `about` tells a person, in a sentence, what a row is and what is checked of it.
    """

    key: str
    about: str
    expectations: Callable[[CheckParams], list[Any]]


def _series(params: CheckParams) -> list[Any]:
    return [
        rows(1, "there is a series"),
        unique("series_uid", "every series is listed once"),
        one_of("form", _FORMS, f"form is one of {', '.join(_FORMS)}"),
        between("planes", params.slices, "number of planes of a volume"),
        gxe.ExpectColumnValuesToMatchRegex(
            column="pixels_sha256", regex="^[0-9a-f]{64}$", description="the image has a checksum"
        ),
        equal("pixels_in_series", 1, "no two series hold the same image", WARNING),
        gxe.ExpectColumnValuesToNotBeInSet(
            column="manufacturer", value_set=[""], description="the scanner maker is known", severity=WARNING
        ),
    ]


def _images(params: CheckParams) -> list[Any]:
    return [
        equal("missing", "", "HU range and, of a volume, spacing and soft-tissue mode are known"),
        between("spacing_y_mm", params.spacing_mm, "spacing between pixel rows", "mm"),
        between("spacing_x_mm", params.spacing_mm, "spacing between pixel columns", "mm"),
        between("spacing_z_mm", params.slice_spacing_mm, "distance between planes", "mm"),
        between("hu_min", params.hu_range, "lowest value", "HU"),
        between("hu_max", params.hu_range, "highest value", "HU"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="hu_max", column_B="hu_min", description="the image is not of one value throughout"
        ),
        equal("shift", "", "values are HU, not HU with 1024 added or taken away"),
        between("air_mode_hu", params.air_mode_hu, "most frequent value of air", "HU"),
        between("tissue_mode_hu", params.tissue_mode_hu, "most frequent value of soft tissue", "HU"),
        between("padding_fraction", (0, _MOST_PADDING), "share of the image that was not measured"),
        equal("without_air", False, "a volume or slice shows air", WARNING),
        equal("without_lung", False, "a volume or slice shows lung", WARNING),
    ]


def _crops(params: CheckParams) -> list[Any]:
    """One odd crop is left to a person (exclusions.csv); many are a wrong rescale of the whole source."""
    lowest, low, dense, middle = (CROP_LIMITS[name] for name in _CROP_COLUMNS)
    return [
        at_least("hu_p01", lowest[0], f"hardly a pixel is below {lowest[0]:g} HU ({_LOW})", WARNING),
        at_most(
            "hu_p05", low[1], f"the darkest 5 % are {low[1]:g} HU or less, as lung is ({_HIGH})", WARNING
        ),
        at_most(
            "dense_fraction",
            dense[1],
            f"at most {dense[1]:.0%} of the crop is as dense as bone ({_HIGH})",
            WARNING,
        ),
        at_least("middle_hu", middle[0], f"the middle, where the nodule is, is no air ({_LOW})", WARNING),
        mostly(
            "odd",
            "",
            1 - params.max_odd_crops,
            f"at most {params.max_odd_crops:.1%} of the crops are odd in one of these ways",
        ),
    ]


_CROP_COLUMNS = ("hu_p01", "hu_p05", "dense_fraction", "middle_hu")
_LOW = "else 1024 HU too low, or inverted"
_HIGH = "else 1024 HU too high, inverted, or a display window"


def _readings(params: CheckParams) -> list[Any]:
    return [
        unique("reading_id", "every reading is listed once"),
        one_of("kind", _KINDS, f"kind is one of {', '.join(_KINDS)}"),
        at_least("reader", 0, "reader is a session number, from 0"),
        equal("off_scale", "", "every rating is on its scale: 1-5 (calcification 1-6, structure 1-4), or 0"),
        equal("series_known", True, "the series of the reading is in the table of series"),
        equal("patient_matches", True, "the patient is the one of the series"),
        equal("nodule_fits", True, "a nodule reading has a nodule of its series, every other reading none"),
        between("diameter_of_nodule_mm", (0.0, params.diameter_mm[1]), "diameter of a nodule reading", "mm"),
        equal("malignancy_given", True, "a nodule reading gives malignancy", WARNING),
    ]


def _nodules(params: CheckParams) -> list[Any]:
    return [
        rows(1, "there is a nodule"),
        unique("nodule_id", "every nodule is listed once"),
        equal("missing", "", "of a nodule in a volume, volume and centre are known"),
        equal("without_diameter", False, "the diameter is known", WARNING),
        between("lowest_score", (1, 5), "lowest malignancy score"),
        between("highest_score", (1, 5), "highest malignancy score"),
        one_of("label", [-1, 0, 1], "a given label is 0 (benign) or 1 (malignant), or -1 for none"),
        equal("unlabelled", False, "a reader scored malignancy, or a label is given", WARNING),
        between("diameter_mm", params.diameter_mm, "consensus diameter", "mm"),
        gxe.ExpectColumnValuesToBeBetween(
            column="volume_mm3", min_value=0, strict_min=True, description="the consensus mask is not empty"
        ),
        equal("series_known", True, "the series of the nodule is in the table of series"),
        equal("patient_matches", True, "the patient is the one of the series"),
        equal("inside_volume", True, "centre and largest plane lie inside the series"),
        equal("ambiguous", False, "the readings make one clear nodule", WARNING),
    ]


def _readers(params: CheckParams) -> list[Any]:
    usual = params.usual_readers
    return [
        at_least("n_readers", 1, "a reader marked the nodule"),
        at_most("n_readers", usual, f"at most {usual} readers marked the nodule", WARNING),
        equal("readings_match", True, "as many readers marked the nodule as its readings say"),
        equal("scores_match", True, "the nodule has the scores that its readings give"),
    ]


def _labels(params: CheckParams) -> list[Any]:
    return [
        at_least(
            "share",
            params.min_class_share,
            f"the class holds at least {params.min_class_share:.1%} of the labelled nodules",
        ),
        at_least(
            "patients",
            params.min_class_patients,
            f"the class occurs in at least {params.min_class_patients} patients",
        ),
    ]


def _patients(params: CheckParams) -> list[Any]:
    return [
        rows(params.min_patients, f"there are at least {params.min_patients} patients"),
        equal("named", True, "the patient has an id"),
        at_most("n_sexes", 1, "all series of a patient give the same sex", WARNING),
        at_least("n_nodules", 1, "the patient has a nodule", WARNING),
    ]


SUITES: dict[str, Suite] = {
    "series": Suite(
        "series_uid",
        "One row per series of images: each is listed once, large enough, and different from every other.",
        _series,
    ),
    "images": Suite(
        "series_uid",
        "One row per series, by the statistics of its image: values must be Hounsfield units of a body in "
        "air, on pixels of plausible size.",
        _images,
    ),
    "crops": Suite(
        "nodule_id",
        "One row per ready-made crop, none if there are no such: its own values must be Hounsfield units of "
        "a nodule in or at a lung.",
        _crops,
    ),
    "readings": Suite(
        "reading_id",
        "One row per mark of a reader: ratings lie on their scales, and the mark belongs to a series, a "
        "patient and a nodule that exist.",
        _readings,
    ),
    "nodules": Suite(
        "nodule_id",
        "One row per nodule, made of the marks of all its readers: it lies inside its series, has a "
        "plausible size and can be labelled.",
        _nodules,
    ),
    "readers": Suite(
        "nodule_id",
        "One row per nodule: how many readers marked and scored it, counted again from the readings.",
        _readers,
    ),
    "labels": Suite(
        "class",
        "One row per class of each target, under the label policy of params.yaml: every class is frequent "
        "enough to be learned and judged.",
        _labels,
    ),
    "patients": Suite(
        "first_series_uid",
        "One row per patient, named by the first series: there are enough of them, and none is a mixture "
        "of two people.",
        _patients,
    ),
}
"""Name of a suite (and of its frame) -> its expectations."""
