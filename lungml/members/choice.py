"""What tuning chose, as a file says it: checked before a model is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lungml.errors import InputError
from lungml.params.backbones import BACKBONE_NAMES, unknown_backbone
from lungml.params.model import ChosenParams, RecipeParams
from lungml.params.section import in_words
from lungml.terms import Task
from lungml.tuning.candidate import apply_candidate, candidate_of

_NEEDED = ("task", "backbone", *ChosenParams.model_fields)


def checked_choice(best: Any, task: Task, file: Path) -> Mapping[str, Any]:
    """What `file` (`best.json`) says that tuning chose for `task`.

    Raises:
        InputError: it is not what the search of this task writes.
    """
    if wrong := _wrong(best, task):
        raise InputError(
            f"{file} is not what the search of {task} writes: {wrong}; run `dvc repro tune@{task}`"
        )
    chosen: Mapping[str, Any] = best
    return chosen


def _wrong(best: Any, task: Task) -> str | None:
    if not isinstance(best, dict):
        return f"expected names with values, found {best!r}"
    if missing := [name for name in _NEEDED if name not in best]:
        return f"it lacks {', '.join(missing)}"
    if best["task"] != task.value:
        return f"it is of {best['task']}"
    return _wrong_value(best)


def _wrong_value(best: Mapping[str, Any]) -> str | None:
    if best["backbone"] not in BACKBONE_NAMES:
        return unknown_backbone(str(best["backbone"]))
    try:
        apply_candidate(RecipeParams(), candidate_of(best))
    except KeyError as error:
        return f"there is no field {error.args[0]} that a search could choose"
    except ValidationError as error:
        # What has no place is of fields that do not go together, which the recipe they are for decides.
        places = [each for each in error.errors() if each["loc"]]
        wrong = [f"{'.'.join(str(step) for step in each['loc'])}: {in_words(each)}" for each in places]
        return wrong[0] if wrong else None
    return None
