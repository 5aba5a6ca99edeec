"""Command `upsample`: write the train part of a task with the children that up-sampling makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lungml.terms import Part, Task

if TYPE_CHECKING:
    from lungml.params import Params
    from lungml.training.children import Children


@click.command("upsample")
@click.argument("task", type=click.Choice([task.value for task in Task]))
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: data/upsampled/<task>.")
def command(task: str, out: Path | None) -> None:
    """Write the train part of TASK with the augmented children that lift its classes.

    plan.csv has a row an image, with its parent and what was done to it; images.npy the images in HU, in the
    same order; children.png shows some. It is for a look, and for training elsewhere: our own training makes
    such children itself, new ones in each epoch.
    """
    from lungml.files import atomic_folder
    from lungml.params import load_params

    params = load_params()
    children = _children(Task(task), params)
    folder = out or Path("data") / "upsampled" / task
    with atomic_folder(folder) as temporary:
        _write(temporary, children, params.intensity.window_hu)
    labels, own = children.plan["label"], children.plan["copy"] == 0
    for label, name in enumerate(Task(task).target.class_names):
        of_class = labels == label
        click.echo(f"{name}: {(of_class & own).sum()} of train, {of_class.sum()} with their children")
    click.echo(f"written to {folder}")


def _children(task: Task, params: Params) -> Children:
    from lungml.imaging.store import read_store
    from lungml.tables import SPLIT, read_table
    from lungml.training.children import make_children
    from lungml.training.data import select_examples

    finetune = params.tasks[task].finetune
    store = read_store(Path("data") / "views" / task.view)
    train = select_examples(store, read_table(Path("data/split.parquet"), SPLIT), task.target, Part.TRAIN)
    return make_children(train, finetune.recipe, seed=finetune.seed)


def _write(folder: Path, children: Children, window_hu: tuple[float, float]) -> None:
    import numpy as np

    from lungml.figures.children import draw_children
    from lungml.figures.style import save
    from lungml.files import write_text
    from lungml.imaging.intensity import window_to_unit

    write_text(folder / "plan.csv", children.plan.to_csv(index=False))
    np.save(folder / "images.npy", children.images_hu)
    shades = window_to_unit(children.images_hu[:, 0], window_hu)
    save(draw_children(children.plan, shades), folder / "children.png")
