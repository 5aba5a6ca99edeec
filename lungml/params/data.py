"""Sections about data: where it comes from, what is read from it, how patients are divided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lungml.params.section import Section, Seed

Cohort = Literal[
    "default", "size-only", "texture-only", "no-signal", "patient-fingerprint", "scanner-shortcut"
]
"""What decides malignancy in a phantom cohort; all but `default` are control cohorts."""


class PhantomParams(Section):
    """The synthetic CT cohort."""

    patients: Annotated[int, Field(ge=4, le=9999)] = 160
    """How many patients to draw."""
    cohort: Cohort = "default"
    """What decides malignancy."""
    seed: Seed = 20250301
    """Same seed, same bytes."""


class IdcParams(Section):
    """What to take of the Imaging Data Commons."""

    collection: str = "lidc_idri"
    """Name of the collection; LIDC-IDRI is 1,018 CT series of 1,010 patients, 128 GB."""
    patients: tuple[str, ...] = ()
    """PatientIDs to take; empty takes all."""
    max_patients: Annotated[int, Field(ge=1)] | None = None
    """Take at most so many patients, in the order of their ids."""
    max_gb: Annotated[float, Field(gt=0)] | None = None
    """Take patients, in the order of their ids, for as long as all are within so many GB (10^9 bytes)."""
    endpoint: str = "https://s3.amazonaws.com"
    """Where the files are: the public S3 service, or a mirror that speaks its protocol."""


class AcquireParams(Section):
    """Where the CT series and readings come from."""

    source: Literal["phantom", "local", "idc"] = "phantom"
    """`phantom` draws a synthetic cohort; `local` takes the files of `folder`; `idc` downloads LIDC-IDRI
    into `folder`, and takes what is there already."""
    folder: Path | None = None
    """For `local`: a folder in any layout, or an archive (zip, tar, tar.gz, tar.xz); archives in the folder
    are unpacked too. It is only read. For `idc`: where the download is kept, so that it is made once."""
    readings: Path | None = None
    """For `idc` and `local`: a folder or archive of LIDC XML files, such as TCIA's LIDC-XML-only.zip; the
    Imaging Data Commons does not hold them."""
    diagnoses: Path | None = None
    """For `idc` and `local`: a CSV of patients and diagnoses, such as TCIA's of LIDC-IDRI. A model is held
    against them in a table of its own; nothing is learnt from them."""
    deidentify: bool = False
    """Take the files as `lungml deidentify` copies them: without patients, also in file names."""
    key: Path | None = None
    """Key file for `deidentify`; null takes the one in your configuration, or makes it."""
    idc: IdcParams = IdcParams()
    phantom: PhantomParams = PhantomParams()

    @model_validator(mode="after")
    def _sources_need_a_folder(self) -> Self:
        if self.source == "local" and self.folder is None:
            raise ValueError("acquire.source is local, so acquire.folder must name the folder to read")
        if self.source == "idc" and self.folder is None:
            raise ValueError("acquire.source is idc, so acquire.folder must name where to keep the download")
        return self


class CtParams(Section):
    """How CT series become HU volumes."""

    position_tolerance_mm: Annotated[float, Field(gt=0)] = 0.01
    """Slice gaps may differ by this, or by 1 % of the usual gap if that is more."""
    tilt_tolerance_degrees: Annotated[float, Field(gt=0, le=5)] = 0.5
    """Largest angle between the slice normal and the stacking direction."""
    max_uneven_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """If more of the distances between slices differ from the usual one, the series is no volume."""
    gap_distance_mm: Annotated[float, Field(ge=0)] = 10.0
    """An uneven distance this near to a nodule sets the series aside; elsewhere it is noted."""
    min_slices: Annotated[int, Field(ge=2)] = 3
    """Series of fewer slices are set aside."""
    max_volume_gib: Annotated[float, Field(gt=0)] = 2.0
    """Largest HU volume that is read."""
    skip_series: tuple[str, ...] = ()
    """SeriesInstanceUIDs to leave out; each is recorded in the quarantine ledger."""
    assume_rescale: tuple[float, float] | None = None
    """Slope and intercept of images whose header has neither, such as [1, -1024]; null sets their series
    aside. Each series that it is used for is recorded in the ledger."""


class ConsensusParams(Section):
    """How the marks of several readers become one nodule."""

    overlap_fraction: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Readings belong together if intersection over the smaller volume is at least this ..."""
    distance_mm: Annotated[float, Field(ge=0)] = 3.0
    """... or if their centres are at most this far apart."""
    mask_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """A voxel is in the consensus mask if at least this share of the nodule's readings contain it."""


class LabelParams(Section):
    """The label policy: from the readers' scores to a score and a class."""

    aggregation: Literal["mean", "median", "mode", "mode-or-mean"] = "mean"
    """How readers' scores become one. `mode-or-mean`: the mode; if two tie, the mean, rounded up."""
    ties: Literal["higher", "lower"] = "higher"
    """Where a score lies half-way between two classes (3.5), and where two scores are the mode."""
    min_readers: Annotated[int, Field(ge=1, le=4)] = 1
    """Nodules with fewer scores are left out."""
    threes: Literal["benign", "drop"] = "benign"
    """What an indeterminate nodule is for the binary target."""
    permute_seed: Seed | None = None
    """If set, labels are shuffled between patients (a negative control: every model must fall to chance)."""


class CheckParams(Section):
    """The data contract (Great Expectations); the Data Docs in reports/validate list every check."""

    spacing_mm: tuple[float, float] = (0.3, 3.0)
    """Allowed in-plane spacing."""
    slice_spacing_mm: tuple[float, float] = (0.3, 5.0)
    """Allowed distance between planes."""
    slices: tuple[int, int] = (8, 3000)
    """Allowed number of planes of a series."""
    hu_range: tuple[float, float] = (-3024.0, 32767.0)
    """Allowed HU of a series."""
    air_mode_hu: tuple[float, float] = (-1100.0, -900.0)
    """Where the most frequent value of air must lie."""
    tissue_mode_hu: tuple[float, float] = (-150.0, 150.0)
    """Where the most frequent value of soft tissue must lie."""
    diameter_mm: tuple[float, float] = (1.0, 100.0)
    """Allowed consensus diameter."""
    max_odd_crops: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of ready-made crops that may have odd HU; each is a warning that names it, more stop the run."""
    usual_readers: Annotated[int, Field(ge=1)] = 4
    """More readers of one nodule than this are a warning; LIDC-IDRI has four."""
    min_class_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.01
    """Each class, of the two and of the five, must hold at least this share of labelled nodules."""
    min_class_patients: Annotated[int, Field(ge=1)] = 3
    """Each class must occur in at least this many patients: one for each of train, val and test."""
    min_patients: Annotated[int, Field(ge=1)] = 10
    """Fewer patients than this are no cohort."""

    @model_validator(mode="after")
    def _ranges_go_upwards(self) -> Self:
        for name in (
            "spacing_mm",
            "slice_spacing_mm",
            "slices",
            "hu_range",
            "air_mode_hu",
            "tissue_mode_hu",
            "diameter_mm",
        ):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"checks.{name} is [{low:g}, {high:g}]; the first must be below the second")
        return self


class SplitParams(Section):
    """How patients are divided."""

    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.25
    """Share of patients (not of nodules) kept for the final test."""
    val_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Share of patients for validation: early stopping, calibration, choices."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Cross-validation parts of train and validation together."""
    seed: Seed = 20250301


class ViewsParams(Section):
    """What a model gets to see of a nodule."""

    size_px: Annotated[int, Field(ge=16, le=1024)] = 96
    """Width and height of the stored views."""
    geometry: Literal["field-of-view", "pad-and-resize"] = "field-of-view"
    """`field-of-view` keeps physical size; `pad-and-resize` is the seed study's: a crop of the nodule's
    bounding box (or the whole slice), zero-padded to a square and resized, which loses size."""
    nodule_field_of_view_mm: Annotated[float, Field(gt=0)] = 50.0
    """Width of the nodule view."""
    slice_field_of_view_mm: Annotated[float, Field(gt=0)] = 360.0
    """Width of the slice view, centred on the image."""
    plane: Literal["largest", "centre"] = "largest"
    """The slice with the largest consensus contour, or the one through the centre."""
    channels: Literal["single", "neighbours", "scales"] = "single"
    """`single`: one image. `neighbours` (2.5-D): the planes below and above as first and third channel.
    `scales`: a narrower and a wider field of view as first and third channel."""
    neighbour_distance_mm: Annotated[float, Field(gt=0)] = 2.5
    """For `neighbours`: how far away those planes are; the nearest there is, never the plane itself."""
    scale_factor: Annotated[float, Field(gt=1)] = 2.0
    """For `scales`: how much narrower and wider; needs `geometry: field-of-view`."""

    @model_validator(mode="after")
    def _scales_need_a_field_of_view(self) -> Self:
        if self.channels == "scales" and self.geometry != "field-of-view":
            raise ValueError(f"channels: scales needs geometry: field-of-view, found {self.geometry}")
        return self


class IntensityParams(Section):
    """How HU become what a network gets. Training, test-time views, maps and serving share it."""

    scaling: Literal["window", "three-windows", "z-score"] = "window"
    """`window`: clip to `window_hu`, map to [0, 1], then standardise with mean and deviation of train.
    `three-windows`: the same with the lung window, `window_hu` and the mediastinal window, as three channels.
    `z-score`: clip, then each image by its own mean and deviation (the seed study's; loses absolute HU)."""
    window_hu: tuple[float, float] = (-1000.0, 400.0)
    """Lowest and highest HU that are told apart."""
    lung_window_hu: tuple[float, float] = (-1350.0, 150.0)
    """For `three-windows`: level -600, width 1500."""
    mediastinal_window_hu: tuple[float, float] = (-160.0, 240.0)
    """For `three-windows`: level 40, width 400."""
    centre_share: Annotated[float, Field(ge=0.1, le=1)] = 1.0
    """Share of a view's width, around its middle, that a network gets, enlarged to the size of the view."""

    @model_validator(mode="after")
    def _windows_have_a_width(self) -> Self:
        for name in ("window_hu", "lung_window_hu", "mediastinal_window_hu"):
            low_hu, high_hu = getattr(self, name)
            if low_hu >= high_hu:
                raise ValueError(f"{name} is [{low_hu:g}, {high_hu:g}]; expected the lower HU first")
        return self
