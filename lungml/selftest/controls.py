"""Control cohorts: what decides the label is known, so it is known what the pipeline must say of them.

The same questions are put to every cohort, with the pipeline's own probes (of a frozen random backbone, of
pixels, of the diameter) and its own audit. The answers follow from the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lungml import screening
from lungml.evaluation.baselines import size_features
from lungml.evaluation.intervals import clustered_interval, paired_interval
from lungml.imaging.intensity import fit_normalisation
from lungml.models.backbones import build_backbone
from lungml.models.depths import embed_batches, normalised_batches
from lungml.params.audit import AuditParams
from lungml.params.data import Cohort as Rule
from lungml.params.data import IntensityParams, PhantomParams
from lungml.params.model import ScreenParams, WeightsParams
from lungml.selftest.cohort import SIZE_PX, Cohort, Images, draw_images, make_cohort
from lungml.selftest.leaks import mark_in_the_corner
from lungml.selftest.outcome import Outcome, in_words
from lungml.terms import View

DIAMETER, NODULE, BEYOND = "diameter", "nodule view", "nodule view beyond the diameter"
SLICE, BY_NODULE = "slice view", "slice view where parts share patients"
HEADER, MARK = "header", "mark near the edge"
QUESTIONS = (DIAMETER, NODULE, BEYOND, SLICE, BY_NODULE, HEADER, MARK)
"""What may tell the label."""

_AUDIT = AuditParams(turned_copies=False)
"""No copies are asked for here, and looking for turned ones takes longest."""
_WARNINGS = {"LM-V014": HEADER, "LM-V016": MARK}
_BACKBONE, _DEPTH = "resnet10t", 0.6
_MIDDLE = slice(SIZE_PX // 4, SIZE_PX - SIZE_PX // 4)
_INTENSITY = IntensityParams(window_hu=(-1000.0, 900.0))
"""Wide enough to see calcium."""
_LUNG_HU = (-1000, -500)
_SCREEN = ScreenParams(folds=4, repeats=2)
_BY_HEART = _SCREEN.model_copy(update={"components": 400})
"""Enough to know a patient again, as a network does that is trained for long."""
_HEADLINE, _CONFIDENCE = "weighted_auprc", 0.99


@dataclass(frozen=True)
class Control:
    """A cohort of known truth. `expected` says what must tell the label and what must not.

    The answers rest on 99 % intervals, so with other seeds one in 200 of what must not tell will.
    """

    planted: str
    rule: Rule
    expected: Mapping[str, bool]
    change: Callable[[Cohort, np.random.Generator], None] | None = None


def _only(*telling: str, either: tuple[str, ...] = ()) -> dict[str, bool]:
    """These tell the label, `either` may or may not, and nothing else does."""
    return {question: question in telling for question in QUESTIONS if question not in either}


CONTROLS = {
    "no signal": Control("labels drawn at random", "no-signal", _only()),
    "size only": Control(
        "the diameter decides", "size-only", _only(DIAMETER, NODULE, either=(SLICE, BY_NODULE))
    ),
    "texture only": Control(
        "everything but the diameter decides",
        "texture-only",
        _only(NODULE, BEYOND, either=(SLICE, BY_NODULE)),
    ),
    "patient fingerprint": Control(
        "one label a patient, and stripes in the lungs",
        "patient-fingerprint",
        _only(BY_NODULE, either=(BEYOND,)),
    ),
    "scanner shortcut": Control(
        "the scanner decides more than the nodule",
        "scanner-shortcut",
        {HEADER: True, MARK: False},
    ),
    "label in a corner pixel": Control(
        "labels at random, and a bright pixel in class 1", "no-signal", _only(MARK), mark_in_the_corner
    ),
}
"""Name -> control (V31)."""


def run_controls(params: PhantomParams, images: Images) -> Iterator[Outcome]:
    """Put the questions to every control cohort; `images` are those of all rules but the fingerprint's."""
    for name, control in CONTROLS.items():
        own = params.model_copy(update={"cohort": control.rule})
        drawn = draw_images(own) if control.rule == "patient-fingerprint" else images
        yield judge_control(name, control, make_control(control, own, drawn))


def make_control(control: Control, params: PhantomParams, images: Images) -> Cohort:
    """The cohort of a control; the images are those of its rule."""
    cohort = make_cohort(params, images).copy()
    if control.change is not None:
        control.change(cohort, np.random.default_rng(params.seed))
    return cohort


def judge_control(name: str, control: Control, cohort: Cohort) -> Outcome:
    """Compare what tells the label with what must; what may or may not is left out."""
    expected = {question for question, tells in control.expected.items() if tells}
    found = what_tells(cohort) & set(control.expected)
    return Outcome(name, control.planted, in_words(expected), in_words(found), found == expected)


def what_tells(cohort: Cohort) -> set[str]:
    """The questions that are answered yes: by the lower end of the interval, or by a warning of the audit."""
    labels = cohort.nodules["binary"].to_numpy(np.int64)
    patients = cohort.nodules["patient_id"].to_numpy(str)
    nodules = np.arange(len(labels)).astype(str)
    with threadpool_limits(1):
        size, lungs = _diameter(cohort), _lungs(cohort)
        probed = {
            DIAMETER: _probe(labels, patients, size, _SCREEN),
            NODULE: _probe(labels, patients, _embedding(cohort), _SCREEN),
            SLICE: _probe(labels, patients, lungs, _BY_HEART),
            BY_NODULE: _probe(labels, nodules, lungs, _BY_HEART),
        }
    telling = {name for name, found in probed.items() if found.above_chance}
    beyond = NODULE in telling and _is_better(probed[NODULE], probed[DIAMETER])
    return (
        telling
        | ({BEYOND} if beyond else set())
        | {_WARNINGS[code] for code in cohort.codes(_AUDIT) if code in _WARNINGS}
    )


@dataclass(frozen=True)
class _Probed:
    verdict: screening.Verdict
    chance: float

    @property
    def above_chance(self) -> bool:
        low = clustered_interval(self.verdict.jackknife, _HEADLINE, _CONFIDENCE).low
        return low is not None and low > self.chance


def _probe(
    labels: NDArray[np.int64],
    units: NDArray[np.str_],
    features: NDArray[np.float64],
    params: ScreenParams,
) -> _Probed:
    """A cross-validated probe; no unit (patient, or nodule) is in two folds."""
    cohort = screening.Cohort(labels, units, 2)
    verdict = screening.judge(features, cohort, screening.draw_folds(cohort, params), params)
    return _Probed(verdict, screening.chance_levels(cohort)[_HEADLINE])


def _is_better(first: _Probed, second: _Probed) -> bool:
    pair = first.verdict.jackknife, second.verdict.jackknife
    low = paired_interval(*pair, _HEADLINE, _CONFIDENCE).low
    return low is not None and low > 0


def _lungs(cohort: Cohort) -> NDArray[np.float64]:
    """All pixels of the slice view, in a window that shows lung."""
    images = cohort.images[View.SLICE]
    return np.clip(images, *_LUNG_HU).reshape(len(images), -1).astype(np.float64)


def _diameter(cohort: Cohort) -> NDArray[np.float64]:
    return size_features(cohort.nodules, float(cohort.nodules["diameter_mm"].median()))


def _embedding(cohort: Cohort) -> NDArray[np.float64]:
    """Of the middle of the nodule view, by a backbone that was never trained."""
    middle = np.ascontiguousarray(cohort.images[View.NODULE][:, None, _MIDDLE, _MIDDLE])
    normalisation = fit_normalisation(middle, _INTENSITY)
    backbone = build_backbone(_BACKBONE, in_channels=1, weights=WeightsParams(source="random"))
    found = embed_batches(backbone, normalised_batches(middle, normalisation, 64), [_DEPTH])
    return found[_DEPTH].astype(np.float64)
