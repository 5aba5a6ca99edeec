"""The model against diagnoses of patients."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, with_interval

_NAMES = {
    "model": "the model",
    "readers": "the readers' mean score",
    "diameter": "diameter only",
}


def pathology_block(trust: Json) -> Block:
    """The block of `pathology`."""
    found = trust["pathology"]
    title = "Against diagnoses"
    reading = (
        "Labels are the readers' rating; a diagnosis is what a patient turned out to have. This table is a "
        "test of its own and enters no other number. A patient's highest answer counts. Patients whose "
        "diagnosis is known were sent for one, so they are no sample of all."
    )
    if found is None:
        return Block(title, "No table of diagnoses was given (acquire.diagnoses).", reading)
    counts = (
        f"{found['patients']} test patients with a known diagnosis, {found['malignant']} of them malignant"
    )
    if found["auroc"] is None:
        return Block(title, f"Nothing can be said: {counts}.", reading)
    small = " That is few: the intervals say how little is known." if found["small"] else ""
    rows = [(name, with_interval(found["auroc"][key])) for key, name in _NAMES.items()]
    difference = with_interval(found["model_minus_readers"], difference=True)
    return Block(
        title,
        f"AUROC {with_interval(found['auroc']['model'])} for {counts}; {difference} beside the readers' own "
        f"score.{small}",
        reading,
        "open",
        [Grid(f"{counts}; {found['unknown']} unknown", ("by", "AUROC"), rows)],
    )
