"""How often the test part of a task was looked at, in sentences; the terminal and the report say the same."""

from __future__ import annotations

from collections.abc import Sequence

from lungml.sealing.ledger import REASON, Comparison, Opening

FLATTERED = "Of several models looked at there, the best is better by luck alone"


def are_first(openings: Sequence[Opening]) -> list[bool]:
    """Whether each was the first of its split; another split is another test part."""
    splits = [opening.split_sha256 for opening in openings]
    return [split not in splits[:place] for place, split in enumerate(splits)]


def without_reason(openings: Sequence[Opening]) -> int:
    """How many opened a test part again and gave no reason."""
    firsts = are_first(openings)
    return sum(not (first or opening.reason) for first, opening in zip(firsts, openings, strict=True))


def account(openings: Sequence[Opening], comparisons: Sequence[Comparison]) -> str:
    """Say how often the test part of a task was opened, and saved answers on it compared."""
    said = [
        f"The test part was opened {_times(len(openings))} for this task"
        if openings
        else "The ledger has no opening of the test part for this task"
    ]
    if comparisons:
        by_gate = sum(line.purpose == "gate" for line in comparisons)
        of_the_gate = f" ({by_gate} by the promotion gate)" if by_gate else ""
        said.append(f"saved answers on it were compared {_times(len(comparisons))}{of_the_gate}")
    sentence = f"{'; '.join(said)}."
    if again := without_reason(openings):
        sentence += f" {again} time(s) of these again without a reason: the numbers may flatter."
    return sentence


def reopened_warning(openings: Sequence[Opening]) -> str:
    """What to print where a model is judged on a test part that was opened again without a reason."""
    return (
        f"{account(openings, [])} {FLATTERED}. Choose on validation; or say why it is opened again: "
        f"{REASON}='a sentence that names nobody' dvc repro"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
