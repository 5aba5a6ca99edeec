"""A bootstrap over patients of all metrics: lungml beside a loop over scikit-learn's functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn import metrics as sk

from benchmarks.result import Result, Value, parser, show
from benchmarks.timing import Contender, times_of
from lungml.evaluation.bootstrap import Draws, draw_patients, resample
from lungml.evaluation.metrics import Values, metrics_for, values
from lungml.evaluation.tally import Cases, check_cases

CLAIM = (
    "2,000 patient-clustered bootstrap replicates of all metrics at n = 2,363: under 60 s, 20 times a loop"
)
COLUMNS = (
    "classes", "who", "metrics", "seconds", "cpu seconds", "times lungml's cpu", "largest difference",
)  # fmt: skip

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


def measure(nodules: int, replicates: int, sample: int, rounds: int) -> Result:
    """Time `replicates` by lungml; by scikit-learn `sample` of them, from which all are reckoned."""
    rows = [row for classes in (2, 5) for row in _rows(classes, nodules, replicates, sample, rounds)]
    note = (
        f"{nodules} nodules of patients with 1 to 9, {replicates} draws. scikit-learn: the same metrics but "
        f"the calibration line, which it lacks, on the drawn cases, reckoned from {sample} draw(s). Largest "
        "difference: of any metric on any of these draws from lungml's value."
    )
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


def _rows(classes: int, nodules: int, replicates: int, sample: int, rounds: int) -> list[tuple[Value, ...]]:
    patients, cases = _example(classes, nodules)
    draws = draw_patients(patients, replicates, 0)
    few = Draws(draws.weights[:sample], draws.patients)
    loop = partial(_loop, cases, few)
    times = times_of([Contender("lungml", partial(resample, cases, draws)), Contender("loop", loop)], rounds)
    apart = _largest_difference(values(cases, few.weights), loop())
    wall, cpu = (getattr(times["loop"], kind) * replicates / sample for kind in ("wall", "cpu"))
    own, count = times["lungml"], len(metrics_for(classes))
    return [
        (classes, "lungml", count, own.wall, own.cpu, 1.0, 0.0),
        (classes, "scikit-learn loop", count - len(_LACKING), wall, cpu, cpu / own.cpu, apart),
    ]


_LACKING = frozenset({"calibration_slope", "calibration_intercept"})


def _example(classes: int, nodules: int) -> tuple[Labels, Cases]:
    """Labels with the seed study's shares of classes, and probabilities that know something of them."""
    rng = np.random.default_rng(classes)
    patients = np.repeat(np.arange(nodules), 1 + np.minimum(rng.poisson(1.7, nodules), 8))[:nodules]
    five = rng.choice(5, size=nodules, p=np.array([244, 457, 1092, 418, 152]) / 2363)
    labels = five if classes == 5 else (five >= 3).astype(np.int64)
    powers = np.exp(np.eye(classes)[labels] + rng.normal(size=(nodules, classes)))
    return patients, check_cases(labels, powers / powers.sum(axis=1, keepdims=True))


def _loop(cases: Cases, draws: Draws) -> Values:
    """One replicate after the other, each on copies of the drawn cases."""
    rows = []
    for weights in draws.weights:
        drawn = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
        rows.append(_by_scikit_learn(cases.labels[drawn], cases.probabilities[drawn], cases.predicted[drawn]))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _by_scikit_learn(labels: Labels, probabilities: Scores, predicted: Labels) -> dict[str, float]:
    classes = probabilities.shape[1]
    members = [labels == number for number in range(classes)]
    areas = [sk.average_precision_score(*pair) for pair in zip(members, probabilities.T, strict=True)]
    names = ("benign", "malignant") if classes == 2 else ("1", "2", "3", "4", "5")
    found = {f"auprc_{name}": area for name, area in zip(names, areas, strict=True)}
    found |= {
        "weighted_auprc": float(np.average(areas, weights=[member.mean() for member in members])),
        "macro_auprc": float(np.mean(areas)),
        "auroc": float(
            np.mean([sk.roc_auc_score(*pair) for pair in zip(members, probabilities.T, strict=True)])
        ),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted"),
        "f1_macro": sk.f1_score(labels, predicted, average="macro"),
        "brier": float(((probabilities - np.eye(classes)[labels]) ** 2).sum(axis=1).mean()),
    }
    found |= {name: of_decisions(labels, predicted) for name, of_decisions in _OF_DECISIONS.items()}
    return found if classes == 2 else found | _ordinal(labels, probabilities, predicted)


_OF_DECISIONS: dict[str, Callable[[Labels, Labels], float]] = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "mcc": sk.matthews_corrcoef,
}


def _ordinal(labels: Labels, probabilities: Scores, predicted: Labels) -> dict[str, float]:
    apart = np.abs(labels - predicted)
    return {
        "qwk": sk.cohen_kappa_score(labels, predicted, weights="quadratic"),
        "spearman": spearmanr(labels, probabilities @ np.arange(5)).statistic,
        "within_one": float((apart <= 1).mean()),
        "mae": float(apart.mean()),
        "mae_macro": float(np.mean([apart[labels == number].mean() for number in range(5)])),
    }


def _largest_difference(own: Values, others: Values) -> float:
    return max(float(np.abs(own[name] - others[name]).max()) for name in others)


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--nodules", type=int, default=2363)
    arguments.add_argument("--replicates", type=int, default=2000)
    arguments.add_argument("--sample", type=int, default=20, help="replicates that scikit-learn makes")
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    show(measure(given.nodules, given.replicates, given.sample, given.rounds), given.json)
