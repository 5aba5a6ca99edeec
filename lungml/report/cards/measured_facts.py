"""What a run says about how good the model is, and where it fails."""

from __future__ import annotations

from lungml.report import notes, wording
from lungml.report.cards.fact import Fact, Finder
from lungml.report.cards.sources import Sources
from lungml.report.collect import Json
from lungml.report.summary import HEADLINE, number_of
from lungml.report.trust.block import Block, of_how_many, with_interval
from lungml.report.trust.groups import groups_block
from lungml.report.trust.images import images_block
from lungml.report.trust.probabilities import calibration_block


def _headline(found: Sources) -> Fact:
    value = number_of(found.metrics["raw"], HEADLINE)
    return Fact(
        f"Weighted AUPRC {with_interval(value)} on {found.metrics['n']} test nodules of "
        f"{found.metrics['patients']} patients; chance is {wording.number(value['chance'])}. "
        f"{wording.verdict(found.metrics)}",
        found.measured,
    )


def _auroc(found: Sources) -> Fact:
    return Fact(f"AUROC {with_interval(number_of(found.metrics['raw'], 'auroc'))}.", found.measured)


def _beside_diameter(found: Sources) -> Fact:
    return Fact(f"{wording.verdict(found.metrics)} {wording.beats_chance(found.metrics)}", found.measured)


def _measures(found: Sources) -> Fact:
    named = [wording.METRIC_NAMES[name] for name in wording.METRIC_NAMES if name in found.metrics["raw"]]
    return Fact(
        f"{', '.join(named)}; each with chance level and skill, beside {len(found.metrics['baselines'])} "
        "baselines; reliability, precision-recall, ROC and decision curves.",
        found.measured,
    )


def _uncertainty(found: Sources) -> Fact:
    confidence = found.metrics.get("confidence", 0.95)
    return Fact(
        f"{confidence:.0%} intervals by leaving out patients; differences by a bootstrap over patients, "
        "corrected by Holm.",
        found.measured,
    )


def _power(found: Sources) -> Fact:
    return Fact(wording.power(found.metrics["comparisons"]), found.measured)


def _calibration(found: Sources) -> Fact | None:
    return _verdict(found, "calibration", calibration_block(found.trust))


def _recalibration(found: Sources) -> Fact | None:
    chosen = found.trust["calibration"]["chosen"]
    if chosen == "as trained":
        return Fact("Tried on validation, none was better than the probabilities as trained.", found.judged)
    return Fact(f"Of the repairs of probabilities, {chosen} was the best on validation.", found.judged)


def _subgroups(found: Sources) -> Fact | None:
    return _verdict(found, "subgroups", groups_block(found.trust))


def _unusual(found: Sources) -> Fact | None:
    return _verdict(found, "out_of_distribution", images_block(found.trust))


def _verdict(found: Sources, entry: str, block: Block) -> Fact | None:
    return Fact(block.verdict, found.judged) if entry in found.trust else None


def _thresholds(found: Sources) -> Fact | None:
    points = found.trust["operating_points"]
    if not points:
        return None
    said = [
        f"for a sensitivity of {point['wanted_sensitivity']:.0%} on validation, {point['threshold']:.3f}: "
        f"sensitivity {of_how_many(point['sensitivity'])}, specificity {of_how_many(point['specificity'])}"
        for point in points
    ]
    return Fact(f"Thresholds of malignant, {'; '.join(said)}.", found.judged)


def _agreement(found: Sources) -> Fact | None:
    compared: Json | None = found.trust["readers"]["auroc"]
    if compared is None:
        return None
    return Fact(
        f"One reader against the others on the test nodules: AUROC {with_interval(compared['reader'])}; the "
        f"model against the same: {with_interval(compared['model'])}.",
        found.judged,
    )


def _policies(found: Sources) -> Fact:
    rows = [row for row in found.trust["policies"] if row["auroc"] is not None]
    said = ", ".join(f"{row['policy']} {wording.number(row['auroc']['value'])}" for row in rows)
    return Fact(f"AUROC of the same answers under other label policies: {said}.", found.judged)


def _maps(found: Sources) -> Fact:
    return Fact(notes.explain_note(found.explained), found.places.explanation / "cases.json")


def _failures(found: Sources) -> Fact | None:
    gallery = found.places.explanation / "gallery.png"
    if not gallery.is_file():
        return None
    return Fact("Wrong and uncertain cases of each class with their maps; the confusion of classes.", gallery)


def _limits(found: Sources) -> Fact:
    said = wording.warnings(
        phantom=found.stated.acquire.source == "phantom",
        weights=[found.metrics["weights"]],
        permuted=found.labels.permute_seed is not None,
        checks_hold=found.cohort.checks["success"],
        patients_inferred=found.cohort.index.get("patients_inferred", False),
        reopened=False,  # the report says that; a card is of one model, and older than the next opening
    )
    return Fact(f"{' '.join(said)} Evaluated on one cohort and one split.", found.measured)


MEASURED_FACTS: dict[str, Finder] = {
    "headline": _headline,
    "auroc": _auroc,
    "beside_diameter": _beside_diameter,
    "measures": _measures,
    "uncertainty": _uncertainty,
    "power": _power,
    "calibration": _calibration,
    "recalibration": _recalibration,
    "subgroups": _subgroups,
    "unusual": _unusual,
    "thresholds": _thresholds,
    "agreement": _agreement,
    "policies": _policies,
    "maps": _maps,
    "failures": _failures,
    "limits": _limits,
}
"""Name -> how it is found."""
