"""What a run says about how the model was made."""

from __future__ import annotations

from lungml.report import notes, wording
from lungml.report.cards.fact import PARAMS, Fact, Finder
from lungml.report.cards.sources import Sources
from lungml.terms import View

_MEMBER = ("backbone", "head")


def _what(found: Sources) -> Fact:
    return Fact(
        "A deep-learning classifier that predicts the readers' malignancy rating of a lung nodule on chest "
        f"CT: {wording.task_name(found.task).lower()}. Developed and evaluated here.",
        found.places.bundle / "bundle.json",
    )


def _use(found: Sources) -> Fact:
    return Fact(
        f"{wording.RATING} For research on nodules that are already found; a person who knows chest CT must "
        "read every answer.",
        found.places.bundle / "bundle.json",
    )


def _objective(found: Sources) -> Fact:
    return Fact(
        "Development of a model, and its evaluation on patients of the same cohort that it was not trained "
        "on, beside what saw less than it.",
        found.measured,
    )


def _inputs(found: Sources) -> Fact:
    views = found.bundle["views"]
    width = views["nodule_field_of_view_mm" if found.task.view is View.NODULE else "slice_field_of_view_mm"]
    shown = f"{width:g} mm wide" if views["geometry"] == "field-of-view" else "padded and resized"
    return Fact(
        f"The {found.task.view} view of the {views['plane']} plane in HU, {shown}, {views['size_px']} x "
        f"{views['size_px']} pixels, channels: {views['channels']}. No clinical data.",
        found.places.bundle / "bundle.json",
    )


def _preprocessing(found: Sources) -> Fact:
    windows = {
        " and ".join(f"{low:g} to {high:g} HU" for low, high in member["normalisation"]["windows_hu"])
        for member in found.bundle["members"]
    }
    return Fact(
        f"HU by slope and intercept; resampled to the view; clipped to {'; '.join(sorted(windows))} and "
        "standardised by numbers fitted on train, which the bundle carries.",
        found.places.bundle / "bundle.json",
    )


def _architecture(found: Sources) -> Fact:
    members = found.bundle["members"]
    kinds = sorted({", ".join(f"{part} {member[part]}" for part in _MEMBER) for member in members})
    return Fact(
        f"{len(members)} network(s): {'; '.join(kinds)}; softmax over {len(found.bundle['classes'])} "
        "classes.",
        found.places.bundle / "bundle.json",
    )


def _output(found: Sources) -> Fact:
    classes = ", ".join(found.bundle["classes"])
    return Fact(f"A probability for each class: {classes}.", found.places.bundle / "bundle.json")


def _initial(found: Sources) -> Fact:
    weights = sorted({member["weights"] for member in found.bundle["members"]})
    return Fact(f"Backbones began with: {'; '.join(weights)}.", found.places.bundle / "bundle.json")


def _software(found: Sources) -> Fact:
    versions = ", ".join(f"{name} {value}" for name, value in sorted(found.bundle["versions"].items()))
    return Fact(
        f"{versions}. The code's commit is the tag git_commit of the registered version.",
        found.places.bundle / "bundle.json",
    )


def _training(found: Sources) -> Fact:
    return Fact(notes.training_note(found.training), found.places.log / "summary.json")


def _tuning(found: Sources) -> Fact:
    return Fact(notes.tuning_note(found.tuned), found.places.tuned / "best.json")


def _augmentation(found: Sources) -> Fact:
    own = found.stated.finetune.recipe.augment.model_dump(mode="json")
    return Fact(f"In training: {notes.facts(own)}.", PARAMS)


def _imbalance(found: Sources) -> Fact | None:
    recipe = found.stated.finetune.recipe
    if recipe.imbalance == "none":
        return None
    return Fact(f"In training only, {recipe.imbalance} against class imbalance; loss {recipe.loss}.", PARAMS)


def _ensemble(found: Sources) -> Fact:
    count = len(found.bundle["members"])
    text = "One network answers." if count == 1 else f"The mean of the probabilities of {count} members."
    return Fact(text, found.places.bundle / "bundle.json")


def _usage(found: Sources) -> Fact:
    return Fact(
        f"`lungml predict`, or MLflow's `models:/{found.task.registered_model}/VERSION`: safetensors and "
        "JSON with its own preprocessing, nothing is unpickled.",
        found.places.bundle / "bundle.json",
    )


def _lineage(found: Sources) -> Fact:
    known = ", ".join(f"{name} {value[:12]}" for name, value in sorted(found.metrics["lineage"].items()))
    return Fact(f"{known}.", found.measured)


def _registered(found: Sources) -> Fact | None:
    path = found.stated.preregistration
    return None if path is None else Fact(f"Written down before the test part was opened: {path}.", PARAMS)


MADE_FACTS: dict[str, Finder] = {
    "what": _what,
    "use": _use,
    "objective": _objective,
    "inputs": _inputs,
    "preprocessing": _preprocessing,
    "architecture": _architecture,
    "output": _output,
    "initial": _initial,
    "software": _software,
    "training": _training,
    "tuning": _tuning,
    "augmentation": _augmentation,
    "imbalance": _imbalance,
    "ensemble": _ensemble,
    "usage": _usage,
    "lineage": _lineage,
    "registered": _registered,
}
"""Name -> how it is found."""
