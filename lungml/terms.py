"""The words of the field as types; `docs/glossary.md` defines each of them.

Nothing here imports anything outside the standard library, so every module may use it.
"""

from __future__ import annotations

from enum import StrEnum


class View(StrEnum):
    """What of the CT a model looks at: a whole axial slice, or a crop around the nodule."""

    SLICE = "slice"
    NODULE = "nodule"


class Target(StrEnum):
    """What a model predicts: malignant or not, or the readers' five-point score."""

    BINARY = "binary"
    FIVE = "five"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the model's outputs."""
        return _CLASS_NAMES[self]


_CLASS_NAMES = {
    Target.BINARY: ("benign", "malignant"),
    Target.FIVE: (
        "1 highly unlikely",
        "2 moderately unlikely",
        "3 indeterminate",
        "4 moderately suspicious",
        "5 highly suspicious",
    ),
}
"""LIDC-IDRI's malignancy scale, Armato et al. 2011, doi:10.1118/1.3528204."""


class Task(StrEnum):
    """A (view, target) pair; one registered model each."""

    SLICE_BINARY = "slice-binary"
    SLICE_FIVE = "slice-five"
    NODULE_BINARY = "nodule-binary"
    NODULE_FIVE = "nodule-five"

    @property
    def view(self) -> View:
        """What a model of this task looks at."""
        return View(self.value.split("-")[0])

    @property
    def target(self) -> Target:
        """What a model of this task predicts."""
        return Target(self.value.split("-")[1])

    @property
    def registered_model(self) -> str:
        """Name of this task's model in the MLflow registry."""
        return f"lungml-{self.value}"


class Part(StrEnum):
    """The part of a split a nodule belongs to; all nodules of a patient are in one part."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Alias(StrEnum):
    """Registry aliases of a task's model versions."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"
    PREVIOUS = "previous"


AIR_HU = -1000
"""HU of air; what lies outside the reconstructed circle is set to it."""
