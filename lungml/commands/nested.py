"""Command `nested`: an honest estimate of a task's whole selection, by nested cross-validation."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lungml.files import code_sha256, read_json, sha256_file, sha256_json, write_json
from lungml.progress import say
from lungml.terms import Part, Task

if TYPE_CHECKING:
    import pandas as pd

    from lungml.nested import Chosen
    from lungml.params import Params

_DATA, _INDEX, _EMBEDDINGS = Path("data"), Path("data") / "index", Path("data") / "embeddings"


@click.command("nested")
@click.option("--task", type=click.Choice([task.value for task in Task]), required=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="JSON file; default: reports/nested/<task>.json."
)
def command(task: str, out: Path | None) -> None:
    """Tune and fine-tune anew without each fold of train and validation, and judge on that fold.

    What it finds is worth more than what a search says of its best trial, and takes as long as all stages
    from tune on for each of `split.folds`. The test part is not read. A stopped run goes on where it was.
    Run it after `dvc repro tune`; it changes nothing there.
    """
    name = Task(task)
    path = out or Path("reports") / "nested" / f"{task}.json"
    result = _nested(name, path.with_name(f".{path.name}.work"))
    write_json(path, result)
    shutil.rmtree(path.with_name(f".{path.name}.work"), ignore_errors=True)
    for line in _lines(result):
        click.echo(line)


def _nested(task: Task, work: Path) -> dict[str, Any]:
    from lungml.nested import nested_estimate
    from lungml.params import load_params
    from lungml.tables import SPLIT, read_table

    params, split = load_params(), _DATA / "split.parquet"
    selection = _Selection(task, params, work)
    found = nested_estimate(
        read_table(split, SPLIT), selection.choose, task.target, seed=params.tasks[task].finetune.seed
    )
    return {"task": task.value, "split_sha256": sha256_file(split)} | found


@dataclass(frozen=True)
class _Selection:
    """All that chooses and makes the model of a task, run on another split."""

    task: Task
    params: Params
    work: Path

    def choose(self, fold: int, split: pd.DataFrame) -> Chosen:
        """Run the stages in a folder of the fold; those that were finished are not run again."""
        from lungml.nested import Chosen
        from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table

        folder = self.work / f"fold-{fold}"
        write_table(folder / "split.parquet", split, SPLIT)
        self._forget_others(folder)
        if not (folder / "answers.parquet").is_file():
            say(f"outer fold {fold + 1}")
            self._run_stages(folder)
            write_table(folder / "answers.parquet", self._answers(folder, split), PREDICTIONS)
        claims = {
            "best trial": read_json(folder / "tuned" / "best.json")["weighted_auprc"],
            "fine-tuning": _claim(read_json(folder / "log" / "summary.json")),
        }
        return Chosen(claims, read_table(folder / "answers.parquet", PREDICTIONS))

    def _forget_others(self, folder: Path) -> None:
        """Empty the folder if what is in it was made with other parameters or data."""
        own, params = self.params.tasks[self.task], self.params
        sections = (own.tune, own.finetune, params.weights, params.intensity, params.labels, params.screen)
        facts = [section.model_dump(mode="json") for section in sections]
        store = read_json(_DATA / "views" / self.task.view / "store.json")["sha256"]
        fingerprint = sha256_json(
            [self.task, facts, store, sha256_file(folder / "split.parquet"), code_sha256()]
        )
        note = folder / "fingerprint.json"
        if note.is_file() and read_json(note) == fingerprint:
            return
        for path in folder.iterdir():
            if path.name != "split.parquet":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        write_json(note, fingerprint)

    def _run_stages(self, folder: Path) -> None:
        from lungml.params.backbones import SCREENED
        from lungml.stages import finetune, screen, tune

        task, params, own = self.task, self.params, self.params.tasks[self.task]
        split, views = folder / "split.parquet", _DATA / "views"
        if own.tune.backbone == SCREENED and not (folder / "screen").is_dir():
            screen.run(
                params.screen, task=task, embeddings=_EMBEDDINGS, views=views, split=split, index=_INDEX,
                out=folder / "screen",
            )  # fmt: skip
        if not (folder / "tuned").is_dir():
            tune.run(
                own.tune, params.weights, params.intensity, task=task, screen=folder / "screen",
                views=views / task.view, split=split, out=folder / "tuned",
            )  # fmt: skip
        if not (folder / "log").is_dir():
            finetune.run(
                own.finetune, params.weights, params.intensity, params.labels, task=task,
                tuned=folder / "tuned", views=views / task.view, split=split, out=folder / "model",
                log=folder / "log",
            )  # fmt: skip

    def _answers(self, folder: Path, split: pd.DataFrame) -> pd.DataFrame:
        from lungml.bundle import read_bundle
        from lungml.evaluation.answers import answer, labelled
        from lungml.imaging.store import read_store

        outer = split[split["part"] == Part.TEST]
        store = read_store(_DATA / "views" / self.task.view)
        return answer(read_bundle(folder / "model"), store, labelled(outer, self.task.target))


def _claim(summary: dict[str, Any]) -> float:
    """What fine-tuning says of itself: out-of-fold, or on the validation part that chose its epoch."""
    if "cross_validated" in summary:
        return float(summary["cross_validated"]["raw"]["weighted_auprc"]["value"])
    return float(summary["weighted_auprc"])


def _lines(result: dict[str, Any]) -> list[str]:
    """What a person reads."""
    found = result["nested"]["raw"]["weighted_auprc"]
    value = f"{found['value']:.3f}"
    if found["low"] is not None:
        value += f" ({found['low']:.3f} to {found['high']:.3f})"
    claims = [
        f"  {name} said {claim:.3f} on average, {result['optimism'][name]:+.3f} against the outer folds' mean"
        for name, claim in result["claims"].items()
    ]
    return [f"{result['task']}: nested weighted AUPRC {value}, chance {found['chance']:.3f}", *claims]
