"""The steps of the pipeline that fit or choose something, as they are, and each of them done wrongly.

The right ones call what the stages call, with the rows the stages give them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lungml.evaluation.calibration import fit_temperature
from lungml.evaluation.tally import Cases
from lungml.imaging.intensity import fit_normalisation
from lungml.outliers import image_statistics, score_outliers
from lungml.params.data import IntensityParams
from lungml.params.model import (
    AugmentParams,
    OutlierParams,
    RecipeParams,
    TuneParams,
    WeightsParams,
)
from lungml.screening import coarse_pixels
from lungml.selftest.poison import Results, Study
from lungml.terms import Part
from lungml.training.assembly import build_classifier
from lungml.training.data import Examples, TrainingData, draw_steps, load_batch
from lungml.training.loop import Settings, train
from lungml.tuning.candidate import Candidate
from lungml.tuning.objective import fold_scores

_BACKBONE = "mobilenetv3_small_050"
_WEIGHTS = WeightsParams(source="random")
_BATCH, _SEED, _EPOCHS = 16, 0, 2
_RECIPE = RecipeParams(augment=AugmentParams(mixup_alpha=0.4), average_decay=0.5)
_CHOSEN_PIXELS = 8
_RATES = (1e-3, 1e-2)
_EVERY_PART = tuple(Part)

FloatArray = NDArray[np.float64]
Rows = NDArray[np.bool_]


def normalisation(study: Study) -> Results:
    """Mean and deviation of train."""
    return _normalisation(study, study.rows(Part.TRAIN))


def normalisation_of_all(study: Study) -> Results:
    """Wrong: of every part."""
    return _normalisation(study, study.rows(*_EVERY_PART))


def _normalisation(study: Study, rows: Rows) -> Results:
    fitted = fit_normalisation(study.images_hu[rows], IntensityParams())
    return {"mean and deviation": np.array([*fitted.means, *fitted.stds])}


def outliers(study: Study) -> Results:
    """How unusual the nodules of train are."""
    return _outliers(study, np.where(study.rows(Part.TRAIN), study.folds, -1))


def outliers_of_all(study: Study) -> Results:
    """Wrong: what is usual is learnt of every part."""
    return _outliers(study, np.where(study.folds < 0, 0, study.folds))


def _outliers(study: Study, fitted_on: NDArray[np.int64]) -> Results:
    found = score_outliers(
        coarse_pixels(study.images_hu),
        image_statistics(study.images_hu[:, 0]),
        fitted_on,
        OutlierParams(trees=20, neighbours=5),
    )
    return {"outlier scores of train": found["unusual"].to_numpy()[study.rows(Part.TRAIN)]}


def selection_of_all(study: Study) -> Results:
    """Wrong: the pixels that go with the label, chosen on every part."""
    pixels = coarse_pixels(study.images_hu)
    means = [pixels[study.labels == label].mean(axis=0) for label in (0, 1)]
    contrast = np.abs(means[1] - means[0]) / pixels.std(axis=0)
    chosen = np.argsort(-contrast, kind="stable")[:_CHOSEN_PIXELS]
    return {"selected features": chosen, "what they were selected by": contrast[chosen]}


def batches(study: Study) -> Results:
    """The batches of an epoch: up-sampled, augmented, mixed."""
    data = _data(study, Part.TRAIN, Part.VAL)
    steps = draw_steps(data.train, _RECIPE, _BATCH, seed=_SEED, epoch=0)
    shown = [load_batch(data, _RECIPE, step, key=(_SEED, 0, number)) for number, step in enumerate(steps)]
    return {
        "images of the batches": np.concatenate([batch.inputs[0].numpy() for batch in shown]),
        "targets of the batches": np.concatenate([batch.targets.numpy() for batch in shown]),
    }


def batches_mixed_with_val(study: Study) -> Results:
    """Wrong: every image of train is mixed with one of validation."""
    right, partners = batches(study), study.images_hu[study.rows(Part.VAL)].astype(np.float32)
    images = right["images of the batches"]
    drawn = np.random.default_rng(_SEED).integers(len(partners), size=len(images))
    return {**right, "images of the batches": 0.7 * images + 0.3 * partners[drawn]}


def weights_of_all_epochs(study: Study) -> Results:
    """The weights after the last epoch, and the losses on train."""
    found = _train(study, Part.VAL, keep="last")
    return {name: found[name] for name in ("weights", "losses on train")}


def kept_epoch(study: Study) -> Results:
    """The weights of the best epoch on validation."""
    return _train(study, Part.VAL, keep="best")


def kept_epoch_by_test(study: Study) -> Results:
    """Wrong: the best epoch on test."""
    return _train(study, Part.TEST, keep="best")


def _train(study: Study, judged_on: Part, *, keep: str) -> Results:
    data = _data(study, Part.TRAIN, judged_on)
    classifier = build_classifier(_BACKBONE, "linear", data, _WEIGHTS, seed=_SEED)
    settings = Settings(
        batch_size=_BATCH, optimizer="adamw", learning_rate=1e-3, head_epochs=0, epochs=_EPOCHS,
        patience=_EPOCHS, recipe=_RECIPE, seed=_SEED,
    )  # fmt: skip
    records = list(train(classifier, data, replace(settings, keep="last" if keep == "last" else "best")))
    return {
        "weights": np.concatenate([part.detach().numpy().ravel() for part in classifier.parameters()]),
        "losses on train": np.array([record.train_loss for record in records]),
        "what epochs are chosen by": np.array([record.val_loss for record in records]),
    }


def search(study: Study) -> Results:
    """What candidates are ranked by."""
    return _search(study, Part.VAL)


def search_on_test(study: Study) -> Results:
    """Wrong: they are ranked by the test part."""
    return _search(study, Part.TEST)


def _search(study: Study, judged_on: Part) -> Results:
    tune = TuneParams(epochs=1, recipe=_RECIPE)
    scores = fold_scores(tune, _WEIGHTS, _BACKBONE, [_data(study, Part.TRAIN, judged_on)])
    found = [_last_of(scores(_candidate(rate))) for rate in _RATES]
    return {"scores of the candidates": np.array(found)}


def _candidate(rate: float) -> Candidate:
    return Candidate({"batch_size": _BATCH, "optimizer": "adamw", "learning_rate": rate, "head": "linear"})


def _last_of(folds: Iterator[Iterator[float]]) -> float:
    (epochs,) = folds
    return next(reversed(list(epochs)), math.nan)


def temperature(study: Study) -> Results:
    """The temperature of a probe, fitted on validation."""
    return _temperature(study, Part.VAL)


def temperature_of_test(study: Study) -> Results:
    """Wrong: fitted on test."""
    return _temperature(study, Part.TEST)


def _temperature(study: Study, fitted_on: Part) -> Results:
    features, rows = _scaled(coarse_pixels(study.images_hu), study), study.rows(fitted_on)
    probe = _probe(features, study)
    cases = Cases(study.labels[rows], probe.predict_proba(features[rows]))
    return {"temperature": np.array([fit_temperature(cases)])}


def inputs(study: Study) -> Results:
    """A probe of pixels alone."""
    return {"probe": _probe(_scaled(coarse_pixels(study.images_hu), study), study).coef_}


def inputs_with_ratings(study: Study) -> Results:
    """Wrong: what the readers say of the nodule is an input too."""
    features = np.concatenate([coarse_pixels(study.images_hu), study.ratings], axis=1)
    return {"probe": _probe(_scaled(features, study), study).coef_}


def _scaled(features: FloatArray, study: Study) -> FloatArray:
    known = features[study.rows(Part.TRAIN)]
    scaled: FloatArray = (features - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-9)
    return scaled


def _probe(features: FloatArray, study: Study) -> LogisticRegression:
    rows = study.rows(Part.TRAIN)
    return LogisticRegression(C=0.1, max_iter=1000).fit(features[rows], study.labels[rows])


def _data(study: Study, learnt: Part, judged: Part) -> TrainingData:
    first, second = (_examples(study, part) for part in (learnt, judged))
    return TrainingData(first, second, fit_normalisation(first.images_hu, IntensityParams()))


def _examples(study: Study, part: Part) -> Examples:
    rows = study.rows(part)
    ids = tuple(f"{part}-{number:03}" for number in range(int(rows.sum())))
    return Examples(ids, study.images_hu[rows], study.labels[rows], 2)
