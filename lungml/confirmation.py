"""Does the ranking of frozen embeddings predict the ranking after fine-tuning? A brief training says.

Each chosen cell of a screening (a backbone and its frozen fraction) is trained for a few epochs on train,
with the layers below the fraction frozen, and judged on validation. Nothing of the test part is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy.stats import kendalltau

from lungml import compute
from lungml.params.model import RecipeParams, TuneParams, WeightsParams
from lungml.screening import Cell
from lungml.training.assembly import as_backbone_expects, build_classifier
from lungml.training.data import TrainingData
from lungml.training.loop import Settings, train
from lungml.tuning.candidate import apply_candidate, middle_of


@dataclass(frozen=True)
class Confirmed:
    """A cell, its weighted AUPRC by a probe and, on validation, after a brief fine-tuning."""

    cell: Cell
    probed: float
    finetuned: float


def choose_cells(ranked: Sequence[Cell], count: int, *, spread: bool) -> list[Cell]:
    """The best `count` cells of a ranking, or as many from its best to its worst in even steps."""
    count = min(count, len(ranked))
    if not spread or count < 2:
        return list(ranked[:count])
    return [ranked[round(step * (len(ranked) - 1) / (count - 1))] for step in range(count)]


def finetune_cells(
    probed: dict[Cell, float], data: TrainingData, tune: TuneParams, weights: WeightsParams
) -> Iterator[Confirmed]:
    """Train each cell of `probed` (cell -> weighted AUPRC of its probe) for `tune.epochs` epochs.

    The training is the recipe's, with the cell's layers frozen, a linear head, and the first batch size and
    optimizer and the middle learning rate of the search's space: the same for all cells.
    """
    _, middle = apply_candidate(tune.recipe, middle_of(tune))
    for cell, value in probed.items():
        settings = Settings(
            batch_size=middle.batch_size,
            optimizer=middle.optimizer,
            learning_rate=middle.learning_rate,
            head_epochs=0,
            epochs=tune.epochs,
            patience=tune.epochs,
            recipe=_frozen_below(tune.recipe, cell.depth),
            seed=tune.seed,
            device=compute.device(),
        )
        seen = as_backbone_expects(data, cell.backbone, weights)
        classifier = build_classifier(cell.backbone, "linear", seen, weights, seed=tune.seed)
        best = max(record.val_weighted_auprc for record in train(classifier, seen, settings))
        yield Confirmed(cell, value, best)


def rank_agreement(confirmed: Sequence[Confirmed]) -> float | None:
    """Kendall's tau-b between both values; None for fewer than 3 cells or where one of them never varies."""
    if len(confirmed) < _FEWEST:
        return None
    probed, finetuned = ([getattr(each, name) for each in confirmed] for name in ("probed", "finetuned"))
    if len(set(probed)) == 1 or len(set(finetuned)) == 1:
        return None
    return float(kendalltau(probed, finetuned).statistic)


_FEWEST = 3


def _frozen_below(recipe: RecipeParams, depth: float) -> RecipeParams:
    """The recipe with a constant share of layers trained, at the tuned rate."""
    share = 1 - depth
    changes = {"schedule": "custom", "trainable": (share, share), "learning_rates": None}
    return RecipeParams.model_validate(recipe.model_dump() | changes)
