"""What each stage found out about a task, as a sentence or two made from its record."""

from __future__ import annotations

from collections.abc import Mapping

from lungml.report.collect import Json
from lungml.report.summary import HEADLINE
from lungml.report.wording import MINUS, number


def registration(found: Json | None) -> str:
    """Which version of which registered model this is."""
    if found is None:
        return "Not registered: there is no record; run `dvc repro register`."
    name, version = found["registered_model"], found["version"]
    if version is None:
        return f"Not in the registry yet ({name}): MLflow did not answer; `lungml sync` sends it."
    aliases = f" ({', '.join(found['aliases'])})" if found["aliases"] else ""
    gate = f" Gate: {found['gate']}." if found.get("gate") else ""
    return f"Registered as {name}, version {version}{aliases}.{gate}"


def test_note(metrics: Json) -> str:
    """On how many cases the metrics rest."""
    return (
        f"{metrics['n']} nodules of {metrics['patients']} patients on which nothing was fitted or chosen. "
        "Intervals take patients, not nodules, as the unit of chance."
    )


def screening_note(ranking: Json | None) -> str:
    """Which backbone and depth came out on top, and how sure that is."""
    if ranking is None:
        return "No screening was done; `dvc repro screen` does it."
    best, first = ranking["best"], ranking["cells"][0]
    tied = sum(cell["tied"] for cell in ranking["cells"]) - 1
    chance, diameter = (
        number(ranking["baselines"][name][HEADLINE]["value"]) for name in ("chance", "diameter")
    )
    return (
        f"Best linear probe on train and validation: {best['backbone']} with {best['depth']:.0%} frozen, "
        f"weighted AUPRC {number(first[HEADLINE]['value'])}; {tied} of {len(ranking['cells']) - 1} other "
        f"cells cannot be told from it. Diameter alone reaches {diameter}; chance is {chance}. "
        f"{_stability(ranking['stability'])}{_neighbours(first.get('neighbours_kept'))}"
    )


def _neighbours(kept: float | None) -> str:
    if kept is None:
        return ""
    return (
        " When an image is turned by up to 3 degrees, shifted by up to 1 % and gets noise of 10 HU, "
        f"{kept:.0%} of its ten nearest neighbours stay."
    )


def _stability(found: Mapping[str, float | None]) -> str:
    tau = found["tau_between_folds"]
    return f"The best cell is first in {found['best_first_share']:.0%} of the folds" + (
        "." if tau is None else f"; Kendall's tau between the rankings of two folds is {number(tau, 2)}."
    )


def tuning_note(best: Json | None) -> str:
    """What the search chose."""
    if best is None:
        return "No hyper-parameters were searched; `dvc repro tune` does it."
    chosen = facts(best, leave_out=("task", "weighted_auprc", "trials", "pruned"))
    return (
        f"Chosen by weighted AUPRC on validation ({number(best['weighted_auprc'])}) in {best['trials']} "
        f"trials, {best['pruned']} of them stopped early: {chosen}."
    )


def training_note(training: Json | None) -> str:
    """How the training went."""
    if training is None:
        return "There is no record of the training; `dvc repro finetune` writes it."
    kept = ("task", "best_epoch", "epochs", "weighted_auprc", "fit", "folds", "members")
    if estimate := training.get("cross_validated"):
        return _of_folds(training, estimate["raw"][HEADLINE], facts(training, leave_out=kept))
    return (
        f"Epoch {training['best_epoch']} of {training['epochs']} was kept: weighted AUPRC "
        f"{number(training['weighted_auprc'])} on validation; {facts(training, leave_out=kept)}."
    )


def _of_folds(training: Json, headline: Json, rest: str) -> str:
    on = "one fold left out each" if training["fit"] == "folds" else "all of train and validation"
    interval = (
        "" if headline["low"] is None else f" ({number(headline['low'])} to {number(headline['high'])})"
    )
    return (
        f"{training['members']} members trained for {training['epochs']} epochs with {on} answer together. "
        f"Cross-validated by patient in {training['folds']} folds, weighted AUPRC is "
        f"{number(headline['value'])}{interval}; {rest}.{_apart(training.get('repeats_apart'))}"
    )


def _apart(found: Json | None) -> str:
    if found is None:
        return ""
    return (
        f" One of the {len(found['values'])} repeats alone, each with other seeds and folds, reaches "
        f"{number(min(found['values']))} to {number(max(found['values']))} (standard deviation "
        f"{number(found['sd'])})."
    )


def explain_note(explained: Json | None) -> str:
    """What the maps are worth."""
    if explained is None:
        return "No Grad-CAM++ maps are there; `dvc repro explain` draws them."
    return " ".join(("Grad-CAM++ for the predicted class.", _in_nodule(explained), _trust(explained)))


def facts(values: Json, leave_out: tuple[str, ...] = ()) -> str:
    """The plain values of a record as one line: `batch size 16, optimizer adamw`."""
    plain = {
        name: value
        for name, value in sorted(values.items())
        if name not in leave_out and isinstance(value, str | int | float)
    }
    return ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in plain.items())


def _in_nodule(explained: Json) -> str:
    found = explained.get("summary") or {}
    if found.get("energy_in_mask") is None:
        return "How much of the maps lies in the nodule is not known."
    return (
        f"Over {found['n']} test cases, {found['energy_in_mask']:.0%} of a map lies in the nodule, which "
        f"covers {found['area_share']:.1%} of the view; its peak is there in {found['pointing']:.0%}."
    )


def _trust(explained: Json) -> str:
    found = explained.get("trust")
    if found is None:
        return "Whether the maps can be trusted was not checked."
    if found["trusted"]:
        return (
            "The maps can be trusted as far as is known: they change when the weights are shuffled, and the "
            "answer hangs on what they mark."
        )
    label = "Not trustworthy" if found["trusted"] is False else "Not shown to be trustworthy"
    return f"{label}: {'; '.join(found['reasons'])}."


def _plain(value: str | float) -> str:
    return f"{value:.4g}".replace("-", MINUS) if isinstance(value, float) else str(value)
