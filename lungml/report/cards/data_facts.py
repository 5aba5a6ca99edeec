"""What a run says about its data."""

from __future__ import annotations

import pandas as pd

from lungml.exclusions import excluded_in_words
from lungml.report import wording
from lungml.report.cards.fact import PARAMS, Fact, Finder
from lungml.report.cards.sources import Sources
from lungml.report.flow import part_rows, steps
from lungml.report.leakage import leakage_section
from lungml.terms import Part, Target

_SOURCES = {
    "phantom": "A synthetic CT cohort drawn by lungml; it shows that the pipeline works and nothing about "
    "patients.",
    "idc": "CT series of {idc.collection} from the Imaging Data Commons.",
    "local": "CT series and readings of a local folder.",
}


def _source(found: Sources) -> Fact:
    acquire, index = found.stated.acquire, found.cohort.index
    text = _SOURCES[acquire.source].format(idc=acquire.idc)
    return Fact(
        f"{text} {index['series']} series of {index['patients']} patients.", found.data.index / "summary.json"
    )


def _retrospective(found: Sources) -> Fact | None:
    if found.stated.acquire.source != "idc":
        return None
    return Fact("Retrospective: images and readings were collected before this model.", PARAMS)


def _eligibility(found: Sources) -> Fact:
    readers = found.labels.min_readers
    threes = " Indeterminate nodules (score 3) are left out." if _drops_threes(found) else ""
    return Fact(
        f"Nodules of at least 3 mm that at least {readers} reader(s) gave a score.{threes} "
        "Series that break a rule of the catalogue of faults are set aside.",
        found.places.bundle / "bundle.json",
    )


def _excluded(found: Sources) -> Fact:
    return Fact(excluded_in_words(found.cohort.excluded), found.data.excluded)


def _flow(found: Sources) -> Fact:
    boxes = [f"{step.count} {step.what}" for step in steps(found.cohort)]
    return Fact(f"{'; '.join(boxes)}.", found.data.index / "summary.json")


def _sizes(found: Sources) -> Fact:
    target, names = found.task.target, found.task.target.class_names
    parts = [
        f"{row.part}: {row.nodules - row.left_out[target]} nodules of {row.patients} patients ("
        + ", ".join(f"{name} {count}" for name, count in zip(names, row.classes[target], strict=True))
        + ")"
        for row in part_rows(found.cohort.split)
    ]
    return Fact(f"{'; '.join(parts)}.", found.data.split)


def _division(found: Sources) -> Fact:
    split = found.stated.split
    return Fact(
        f"Drawn by patient and stratified by class (seed {split.seed}): {split.test_fraction:.0%} of the "
        f"patients for test, {split.val_fraction:.0%} for validation, the rest for train; {split.folds} "
        "folds of train and validation.",
        found.data.split,
    )


def _disjoint(found: Sources) -> Fact:
    guessed = found.cohort.index.get("patients_inferred", False)
    level = "Patients, as far as they could be inferred from the images" if guessed else "Patients"
    return Fact(f"{level}. {leakage_section(found.cohort.audit).verdict}", found.data.audited / "result.json")


def _checks(found: Sources) -> Fact:
    suites = found.cohort.checks["suites"]
    count = sum(len(suite["checks"]) for suite in suites)
    holds = "holds" if found.cohort.checks["success"] else "does not hold"
    return Fact(
        f"A data contract of {count} checks in {len(suites)} suites {holds}.",
        found.data.checked / "result.json",
    )


def _missing(found: Sources) -> Fact:
    unknown = int(found.cohort.nodules["diameter_mm"].isna().sum())
    aside = sum(found.cohort.index.get("quarantined", {}).values())
    return Fact(
        f"{aside} series or marks are set aside with a reason; {unknown} of {len(found.cohort.nodules)} "
        "nodules have no diameter and are kept.",
        found.data.index / "summary.json",
    )


def _outcome(found: Sources) -> Fact:
    labels = found.labels
    classes = (
        "scores of 4 and 5 are malignant, lower ones benign"
        if found.task.target is Target.BINARY
        else "the five scores are the classes"
    )
    shuffled = f" {wording.PERMUTED}" if labels.permute_seed is not None else ""
    return Fact(
        f"The readers' malignancy score of a nodule from 1 to 5, joined by {labels.aggregation} (ties "
        f"{labels.ties}); {classes}. It is a rating, not pathology.{shuffled}",
        found.places.bundle / "bundle.json",
    )


def _readers(found: Sources) -> Fact:
    counts = found.cohort.nodules["scores"].map(len)
    return Fact(
        f"{found.cohort.index['readings']} marks of readers; {_between(counts)} scores a "
        f"nodule, {counts.mean():.1f} on average. The test part is rated like the others.",
        found.data.index / "nodules.parquet",
    )


def _deidentified(found: Sources) -> Fact | None:
    acquire = found.stated.acquire
    if acquire.source == "phantom":
        return Fact("Nobody is in synthetic data.", PARAMS)
    if not acquire.deidentify:
        return None
    return Fact("By allow-list, with keyed pseudonyms, as `lungml deidentify` copies files.", PARAMS)


def _scanners(found: Sources) -> Fact | None:
    series = found.cohort.series
    makers = series.loc[series["manufacturer"] != "", "manufacturer"].value_counts()
    thickness = series["slice_thickness_mm"].dropna()
    if makers.empty or thickness.empty:
        return None
    kernels = series.loc[series["kernel"] != "", "kernel"].nunique()
    named = ", ".join(f"{name} {count}" for name, count in makers.items())
    return Fact(
        f"Scanners: {named}; {kernels} kernel(s); slice thickness {_between(thickness)} mm.",
        found.data.index / "series.parquet",
    )


def _people(found: Sources) -> Fact | None:
    people = found.cohort.series.drop_duplicates("patient_id")
    known, ages = people.loc[people["sex"] != "", "sex"].value_counts(), people["age_years"].dropna()
    if known.empty and ages.empty:
        return None
    sexes = ", ".join(f"{name} {count}" for name, count in known.sort_index().items()) or "not recorded"
    years = f"median {ages.median():g}, {_between(ages)} years" if len(ages) else "not recorded"
    return Fact(f"Sex: {sexes}; age: {years}; {len(people)} patients.", found.data.index / "series.parquet")


def _parts_alike(found: Sources) -> Fact:
    rows = found.cohort.split.merge(
        found.cohort.nodules[["nodule_id", "diameter_mm"]], on="nodule_id", validate="1:1"
    )
    said = "; ".join(f"{part}: {_part(rows[rows['part'] == part], found.task.target)}" for part in Part)
    return Fact(f"The parts are drawn from one cohort. {said}.", found.data.split)


def _part(rows: pd.DataFrame, target: Target) -> str:
    labelled = rows.loc[rows[target.value] >= 0, target.value]
    first = 1 if target is Target.BINARY else 3
    known = rows["diameter_mm"].dropna()
    size = f"median diameter {known.median():.1f} mm" if len(known) else "no diameter known"
    share = f"{(labelled >= first).mean():.0%} malignant" if len(labelled) else "none labelled"
    return f"{size}, {share}"


def _between(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _drops_threes(found: Sources) -> bool:
    return found.task.target is Target.BINARY and found.labels.threes == "drop"


DATA_FACTS: dict[str, Finder] = {
    "source": _source,
    "retrospective": _retrospective,
    "eligibility": _eligibility,
    "excluded": _excluded,
    "flow": _flow,
    "sizes": _sizes,
    "division": _division,
    "disjoint": _disjoint,
    "checks": _checks,
    "missing": _missing,
    "outcome": _outcome,
    "readers": _readers,
    "deidentified": _deidentified,
    "scanners": _scanners,
    "people": _people,
    "parts_alike": _parts_alike,
}
"""Name -> how it is found."""
