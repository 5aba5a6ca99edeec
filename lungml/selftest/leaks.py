"""Leaks that tables and views show, planted one by one into a clean cohort, and the code that names each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungml.params.audit import AuditParams
from lungml.selftest.cohort import Cohort
from lungml.selftest.outcome import Outcome, in_words
from lungml.terms import AIR_HU, Part, View

Plant = Callable[[Cohort, np.random.Generator], None]
"""Changes the cohort in place."""
Image = NDArray[np.int16]
_MARK_HU = 400


def patient_in_two_parts(cohort: Cohort, _rng: np.random.Generator) -> None:
    """A nodule of test gets the patient and series of one of train."""
    train, test = cohort.row(Part.TRAIN), cohort.row(Part.TEST)
    for column in ("patient_id", "series_uid"):
        cohort.nodules.loc[test, column] = cohort.nodules[column][train]


def second_scan_in_another_part(cohort: Cohort, _rng: np.random.Generator) -> None:
    """A patient of train has a second series, which is in test."""
    train, test = cohort.row(Part.TRAIN), cohort.row(Part.TEST)
    patient = cohort.nodules["patient_id"][train]
    cohort.nodules.loc[test, "patient_id"] = patient
    second = cohort.series["series_uid"] == cohort.nodules["series_uid"][test]
    cohort.series.loc[second, "patient_id"] = patient


def one_slice_with_two_nodules(cohort: Cohort, _rng: np.random.Generator) -> None:
    """Nodules of validation and test lie on one slice."""
    cohort.nodules.loc[cohort.row(Part.TEST), "sop_uid"] = cohort.nodules["sop_uid"][cohort.row(Part.VAL)]


def neighbouring_planes(cohort: Cohort, _rng: np.random.Generator) -> None:
    """A nodule of test lies two planes from one of train."""
    train = cohort.row(Part.TRAIN)
    near = [cohort.nodules["series_uid"][train], cohort.nodules["plane"][train] + 2]
    cohort.nodules.loc[cohort.row(Part.TEST), ["series_uid", "plane"]] = near


def fold_with_the_test_part(cohort: Cohort, _rng: np.random.Generator) -> None:
    """Cross-validation takes in a nodule of test."""
    cohort.nodules.loc[cohort.row(Part.TEST), "fold"] = 0


def label_in_the_folder(cohort: Cohort, _rng: np.random.Generator) -> None:
    """Files lie in folders named after their class."""
    words = np.where(cohort.nodules["binary"] == 1, "malignant", "benign")
    cohort.nodules["path"] = [
        f"{word}/{path}" for word, path in zip(words, cohort.nodules["path"], strict=True)
    ]


def ids_in_the_order_of_labels(cohort: Cohort, _rng: np.random.Generator) -> None:
    """Nodules are numbered class by class."""
    place = np.argsort(np.argsort(cohort.nodules["five"], kind="stable"))
    cohort.nodules["nodule_id"] = [f"pat{number + 1}" for number in place]


def kernel_of_each_class(cohort: Cohort, _rng: np.random.Generator) -> None:
    """Scans with malignant nodules were reconstructed with another kernel."""
    share = cohort.nodules.groupby("series_uid")["binary"].mean()
    bad = cohort.series["series_uid"].isin(share.index[share >= 0.5])
    cohort.series["kernel"] = np.where(bad, "soft", "sharp")


def mark_in_the_corner(cohort: Cohort, _rng: np.random.Generator) -> None:
    """A bright pixel near the corner of every malignant view."""
    cohort.images[View.NODULE] = cohort.images[View.NODULE].copy()
    cohort.images[View.NODULE][cohort.nodules["binary"] == 1, 1, -2] = _MARK_HU


def copied(change: Callable[[Image, np.random.Generator], NDArray[np.generic]]) -> Plant:
    """A changed copy of a view of train stands for a nodule of test."""

    def plant(cohort: Cohort, rng: np.random.Generator) -> None:
        images = cohort.images[View.NODULE].copy()
        copy = change(images[cohort.row(Part.TRAIN, 1)], rng)
        images[cohort.row(Part.TEST, 1)] = np.clip(np.rint(copy), -1024, 3071)
        cohort.images[View.NODULE] = images

    return plant


def turned(image: Image, _rng: np.random.Generator) -> NDArray[np.float32]:
    """By 10 degrees, air where there is nothing."""
    return _placed(image, degrees=10.0, zoom=1.0, shift_px=np.zeros(2))


def augmented(image: Image, rng: np.random.Generator) -> NDArray[np.float32]:
    """As training does: any angle, mirrored or not, zoom of 10 % and shift of 5 %."""
    shift_px = rng.uniform(-0.05, 0.05, 2) * len(image)
    return _placed(
        image[:, :: rng.choice([-1, 1])],
        degrees=rng.uniform(-180, 180),
        zoom=rng.uniform(0.9, 1.1),
        shift_px=shift_px,
    )


def _placed(
    image: Image, *, degrees: float, zoom: float, shift_px: NDArray[np.float64]
) -> NDArray[np.float32]:
    middle, angle = (np.array(image.shape) - 1) / 2, np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    moved: NDArray[np.float32] = ndimage.affine_transform(
        image.astype(np.float32), turn, offset=middle - turn @ (middle + shift_px), order=1, cval=AIR_HU
    )
    return moved


@dataclass(frozen=True)
class Leak:
    """What is planted, in words and in deed, and the codes one of which must name it."""

    planted: str
    plant: Plant
    codes: tuple[str, ...]


LEAKS = {
    "1 patient overlap": Leak("a patient of train in test", patient_in_two_parts, ("LM-V001",)),
    "2 two scans of one patient": Leak(
        "the second scan of a patient of train in test", second_scan_in_another_part, ("LM-V001",)
    ),
    "3 same slice": Leak(
        "two nodules of one slice in val and test", one_slice_with_two_nodules, ("LM-V004",)
    ),
    "4 neighbouring slices": Leak(
        "slices 2 planes apart in train and test", neighbouring_planes, ("LM-V005",)
    ),
    "5 exact copy": Leak("a view of train in test", copied(lambda image, _: image), ("LM-V007",)),
    "6 transformed copy": Leak("a view of train in test, turned by 10 degrees", copied(turned), ("LM-V008",)),
    "7 augmented copy": Leak(
        "a view of train in test, augmented before the split", copied(augmented), ("LM-V008",)
    ),
    "11 label in names": Leak("folders named after classes", label_in_the_folder, ("LM-V012",)),
    "11 label in the order": Leak("ids numbered class by class", ids_in_the_order_of_labels, ("LM-V013",)),
    "11 label in the header": Leak("a kernel for each class", kernel_of_each_class, ("LM-V014",)),
    "12 corner pixel": Leak("a bright pixel in class 1", mark_in_the_corner, ("LM-V016",)),
    "16 folds and the test part": Leak("a nodule of test in a fold", fold_with_the_test_part, ("LM-V010",)),
}
"""Number and name as in the list of leaks that must be caught -> leak."""


def run_leaks(clean: Cohort, seed: int) -> Iterator[Outcome]:
    """The clean cohort, in which nothing must be found, then every leak."""
    params = AuditParams()
    found = clean.codes(params)
    yield Outcome("clean cohort", "nothing", in_words(()), in_words(found), not found)
    for name, leak in LEAKS.items():
        cohort = clean.copy()
        leak.plant(cohort, np.random.default_rng(seed))
        found = cohort.codes(params)
        yield Outcome(
            name, leak.planted, " or ".join(leak.codes), in_words(found), bool(found & set(leak.codes))
        )
