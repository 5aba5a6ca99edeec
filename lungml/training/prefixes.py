"""What frozen layers made of the images of a training, kept for its later epochs and for other trainings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import fx

from lungml.files import sha256_json
from lungml.models.precision import EXACT, Engine
from lungml.params.model import RecipeParams
from lungml.training.data import TrainingData
from lungml.training.kept import Kept


@dataclass(frozen=True)
class KeptParts:
    """Of the train part every copy of every image, of the validation part every image."""

    train: Kept
    val: Kept


class Prefixes:
    """What was kept, by frozen layers, data and augmentation.

    Trainings that differ in what they train, such as the candidates of a search, may share one: the first of
    them pays for the frozen layers.
    """

    def __init__(self, folder: Path | None = None, most: int = 1) -> None:
        """Keep nothing yet.

        Args:
            folder: for what is too much for memory; None is the system's for temporary files.
            most: so many are kept, of those that were used last; a search over folds needs one for each.
        """
        self._folder = folder
        self._most = most
        self._found: dict[tuple[str, int], tuple[TrainingData, KeptParts]] = {}

    def find(
        self,
        prefix: fx.GraphModule,
        data: TrainingData,
        recipe: RecipeParams,
        seed: int,
        *,
        engine: Engine = EXACT,
    ) -> KeptParts:
        """What is kept of `data` (this very object) behind `prefix`; empty if nothing is."""
        key = (_fingerprint(prefix, recipe, seed, engine), id(data))
        # the data are held as long as the entry, so no other object gets their id
        halved = engine.precision == "bfloat16"
        entry = self._found.pop(key, None) or (data, self._empty(data, recipe, halved=halved))
        self._found[key] = entry
        for oldest in list(self._found)[: -self._most]:
            del self._found[oldest]
        return entry[1]

    def _empty(self, data: TrainingData, recipe: RecipeParams, *, halved: bool) -> KeptParts:
        counts = (len(data.train.labels) * recipe.kept_copies, len(data.val.labels))
        return KeptParts(*(Kept(count, halved=halved, folder=self._folder) for count in counts))


def _fingerprint(prefix: fx.GraphModule, recipe: RecipeParams, seed: int, engine: Engine) -> str:
    """Of all that decides what is kept, but for the data."""
    weights = hashlib.sha256()
    for value in prefix.state_dict().values():
        weights.update(value.cpu().contiguous().numpy())
    augment = recipe.augment.model_dump(mode="json")
    settings = [augment, recipe.kept_copies, engine.device, engine.precision, recipe.threads, seed]
    return sha256_json([prefix.code, list(prefix.state_dict()), weights.hexdigest(), settings])
