"""Write the model card and the data card of a task from what its run left."""

from __future__ import annotations

from pathlib import Path

from lungml.files import atomic_folder, write_text
from lungml.params.card import CardParams
from lungml.params.data import AcquireParams, SplitParams
from lungml.params.evaluation import EvaluateParams
from lungml.params.task import FinetuneParams
from lungml.progress import say
from lungml.report.cards.cards import check_statements, make_cards
from lungml.report.cards.sources import Stated, TaskPlaces, read_sources
from lungml.report.cards.writing import markdown, page
from lungml.report.collect import CohortPlaces
from lungml.terms import Task


def run(  # noqa: PLR0913 - the sections it quotes, and what every stage before it left
    card: CardParams,
    acquire: AcquireParams,
    split_params: SplitParams,
    finetune: FinetuneParams,
    evaluate: EvaluateParams,
    *,
    task: Task,
    index: Path,
    split: Path,
    excluded: Path,
    checked: Path,
    audited: Path,
    bundle: Path,
    tuned: Path,
    log: Path,
    evaluation: Path,
    explanation: Path,
    out: Path,
) -> None:
    """Write `out/{model_card,data_card}.{md,html}`.

    Raises:
        ParamsError: a statement is on something that no card has.
        MissingInputError: a file of a stage is not there.
    """
    check_statements(card.statements)
    places = TaskPlaces(bundle=bundle, tuned=tuned, log=log, evaluation=evaluation, explanation=explanation)
    data = CohortPlaces(index=index, split=split, excluded=excluded, checked=checked, audited=audited)
    stated = Stated(acquire, split_params, finetune, evaluate.preregistration, card.statements)
    cards = make_cards(read_sources(task, places, data, stated), out)
    with atomic_folder(out) as temporary:
        for each in cards:
            name = each.kind.replace(" ", "_")
            write_text(temporary / f"{name}.md", markdown(each))
            write_text(temporary / f"{name}.html", page(each))
    for checklist in cards[0].checklists:
        say(f"  {checklist.name}: {checklist.answered} of {len(checklist.rows)} items answered")
