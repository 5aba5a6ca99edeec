import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from searches import params
from training_examples import RECIPE, make_data

from lungml.errors import ParamsError
from lungml.params.model import WeightsParams
from lungml.training import kept
from lungml.training.kept import Kept
from lungml.tuning.candidate import Candidate
from lungml.tuning.objective import fold_scores, tuning_splits

HEAD_ALONE = RECIPE.model_copy(
    update={"schedule": "custom", "trainable": (0.0, 0.0), "cache_prefix": True, "prefix_copies": 2}
)
CANDIDATE = Candidate({"batch_size": 20, "optimizer": "adamw", "learning_rate": 5e-3, "head": "linear"})
SPLIT = pd.DataFrame(
    {
        "nodule_id": list("abcdefgh"),
        "part": pd.Categorical(["train"] * 4 + ["val"] * 2 + ["test", "excluded"]),
        "fold": [0, 1, 2, 0, 1, 2, -1, -1],
    }
)


def test_one_fold_is_the_split_itself():
    (only,) = tuning_splits(SPLIT, 1)

    assert only is SPLIT


def test_each_fold_is_validation_once_and_test_is_never_touched():
    splits = tuning_splits(SPLIT, 2)

    assert [list(split["nodule_id"][split["part"] == "val"]) for split in splits] == [["a", "d"], ["b", "e"]]
    for split in splits:
        assert list(split["part"][6:]) == ["test", "excluded"]
        assert (split["part"] == "train").sum() == 4


def test_more_folds_than_the_split_has_are_refused():
    with pytest.raises(ParamsError, match=r"tune\.folds is 4, and the split has 3 folds"):
        tuning_splits(SPLIT, 4)


def scores(candidate=CANDIDATE, *, folds=1, **changes):
    tune = params(epochs=2, folds=folds, recipe=RECIPE.model_dump(), **changes)
    objective = fold_scores(tune, WeightsParams(), "mobilenetv3_small_050", [make_data()] * folds)
    return [list(fold) for fold in objective(candidate)]


def test_a_candidate_is_trained_on_every_fold_from_the_same_weights():
    first, second = scores(folds=2)

    assert first == second
    assert len(first) == 2
    assert all(0 < score <= 1 for score in first)


def test_the_first_candidate_of_a_search_pays_for_the_frozen_layers(monkeypatch):
    filled = []
    fill = Kept._fill
    monkeypatch.setattr(
        Kept, "_fill", lambda self, block, compute: filled.append(block) or fill(self, block, compute)
    )
    tune = params(epochs=2, folds=2, recipe=HEAD_ALONE.model_dump())
    objective = fold_scores(tune, WeightsParams(), "mobilenetv3_small_050", [make_data(), make_data()])

    for fold in objective(CANDIDATE):
        list(fold)
    paid = len(filled)
    for fold in objective(Candidate({**CANDIDATE.values, "head": "mlp"})):
        list(fold)

    assert len(filled) == paid > 0


def test_what_is_too_much_for_memory_is_where_the_search_says(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_IN_MEMORY", 0)
    tune = params(epochs=1, recipe=HEAD_ALONE.model_dump())
    weights = WeightsParams()
    objective = fold_scores(tune, weights, "mobilenetv3_small_050", [make_data()], folder=tmp_path)

    (scores,) = objective(CANDIDATE)
    next(scores)

    assert f"{tmp_path}/" in Path("/proc/self/maps").read_text()


def test_another_value_of_a_recipe_s_field_is_another_training():
    blurred = Candidate({**CANDIDATE.values, "augment.zoom": 0.5})

    assert scores(blurred) != scores()


def test_the_rate_of_the_head_matters_in_the_epochs_of_the_head_alone():
    stands_still = Candidate({**CANDIDATE.values, "head_learning_rate": 1e-9})

    assert scores(stands_still) == scores()
    ((learnt, *_),) = scores(head_epochs=1)
    ((drawn, *later),) = scores(stands_still, head_epochs=1)
    assert drawn < learnt
    assert len(later) == 2


def test_a_training_that_diverges_says_nan_and_ends():
    (fold,) = scores(Candidate({**CANDIDATE.values, "learning_rate": 1e30}))

    assert np.isnan(fold[-1])
    assert math.isnan(sum(fold))
    assert sum(map(math.isnan, fold)) == 1
