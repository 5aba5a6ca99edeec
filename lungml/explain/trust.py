"""Whether maps may be shown as an explanation, in one word and with reasons."""

from __future__ import annotations

from dataclasses import dataclass

from lungml.explain.road import Road
from lungml.explain.sanity import Sanity

NOT_TRUSTWORTHY = "not trustworthy"
"""What stands on the figures and in the report."""


@dataclass(frozen=True)
class Trust:
    """True: every check holds. False: one fails. None: none fails, and one could not be made."""

    trusted: bool | None
    reasons: tuple[str, ...]
    """What fails, or cannot be told, in words; empty where every check holds."""

    @property
    def label(self) -> str:
        """What to write over a map; empty where it can be trusted."""
        return {True: "", False: NOT_TRUSTWORTHY, None: "not shown to be trustworthy"}[self.trusted]


def judge_maps(sanity: Sanity, road: Road) -> Trust:
    """Put the checks together."""
    checks = (
        (sanity.knows, "the model answers no better than a network without knowledge", ""),
        (
            sanity.maps_change,
            "the maps hardly change when the weights are shuffled",
            "the maps are constant, so it cannot be told whether they depend on the weights",
        ),
        (
            road.faithful,
            "the answer hangs less on what the maps mark than on what random maps mark",
            f"on {road.n} images, the answer does not hang on what the maps mark more than on what random "
            "maps mark",
        ),
    )
    if failed := tuple(words for holds, words, _ in checks if holds is False):
        return Trust(False, failed)
    unknown = tuple(words for holds, _, words in checks if holds is None)
    return Trust(None if unknown else True, unknown)
