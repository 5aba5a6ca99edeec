"""`lungml predict`: what a model says about ready-made crops of nodules that nobody has labelled."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lungml.errors import MissingInputError, ParamsError
from lungml.progress import say, track
from lungml.terms import Task, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lungml.bundle import Bundle
    from lungml.evaluation.answer_table import Answers
    from lungml.sources.unlabelled import UnlabelledCrops

_AT_ONCE = 512
_REGISTRY = "models:/"
_FILE = click.Path(path_type=Path, dir_okay=False)
_PARAMS = Path("params.yaml")


@click.command("predict")
@click.argument("crops", type=_FILE)
@click.option("--points", type=_FILE, required=True, help="CSV with a row for each nodule of CROPS.")
@click.option(
    "--model",
    required=True,
    help="A task (the model in models/TASK), a folder of a model, or one of the MLflow registry such as "
    "models:/lungml-nodule-five@champion.",
)
@click.option("--out", type=_FILE, required=True, help="CSV to write.")
@click.option(
    "--tta/--no-tta",
    default=True,
    show_default=True,
    help="Mean over five views (itself, flip left-right, flip up-down, turn left, turn right), or one view.",
)
@click.option(
    "--abstention",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    help="Share of usual images that may be called out of distribution. Default: evaluate.trust.abstention.",
)
def command(*, crops: Path, points: Path, model: str, out: Path, tta: bool, abstention: float | None) -> None:
    """Write what a model says about the nodules in the archive CROPS; they need no labels.

    CROPS is an .npz with `hu` (n, height, width), int16 native pixels, and `nodule_id`. The table of --points
    has the columns nodule_id, patient_id and pixel_spacing_mm; others, such as labels, are not looked at, nor
    are crops that it has no row for. --out gets a row for each of its rows, in their order: nodule_id, p1 to
    p5 (of a model of five classes: the probability of each score) and p_malignant (p4 + p5, or that of a
    model of two classes). Then follow distance, how far the image lies from those of train for the model's
    first member (0 is usual, 1 is rare), and out_of_distribution, true where that is too far to believe the
    answer; both are empty for a model that an older lungml made. The views are cut as in training; crops that
    cover less than half of their width, or have fewer than 16 pixels, are refused. The files given are only
    read.
    """
    from lungml.bundle import read_bundle
    from lungml.evaluation.answer_table import abstention_sentence, answer_table
    from lungml.files import write_text
    from lungml.sources.crop_sizes import refuse_small
    from lungml.sources.unlabelled import read_unlabelled

    if out.resolve() in {crops.resolve(), points.resolve()}:
        raise ParamsError(f"--out {out} is one of the files to read; name another")
    with _folder_of(model) as folder:
        bundle = read_bundle(folder)
    if bundle.task.view is not View.NODULE:
        raise ParamsError(
            f"{model} is a model of {bundle.task}, which looks at whole slices, and these files hold crops; "
            f"name a model of {Task.NODULE_BINARY} or {Task.NODULE_FIVE}"
        )
    given = read_unlabelled(crops, points)
    refuse_small(given, bundle.views)
    answers = predict_crops(bundle, given, tta=tta)
    threshold = None if bundle.usual is None else bundle.usual.threshold(_abstention(abstention))
    table = answer_table(bundle.task.target, answers, threshold)
    beyond = table["out_of_distribution"].map({True: "true", False: "false"})
    table.insert(0, "nodule_id", list(given.nodule_ids))
    write_text(out, table.assign(out_of_distribution=beyond).to_csv(index=False))
    views = "mean over five views" if tta else "one view"
    say(f"{out}: {len(table)} nodules by a model of {bundle.task}, {views}; it predicts readers' ratings")
    if given.not_asked:
        say(f"{points} has no row for {given.not_asked} crops of {crops}; they were not asked for")
    say(abstention_sentence(table, threshold, members=len(bundle.members)))


def predict_crops(bundle: Bundle, crops: UnlabelledCrops, *, tta: bool) -> Answers:
    """Answers about crops, in their order."""
    import numpy as np

    from lungml.bundle import predict
    from lungml.evaluation.answer_table import Answers, answer_images
    from lungml.evaluation.tta import predict_tta

    starts = range(0, len(crops), _AT_ONCE)
    parts = [
        answer_images(
            bundle,
            crops.views(slice(start, start + _AT_ONCE), bundle.views),
            predict_tta if tta else predict,
        )
        for start in track(starts, "crops, by the hundreds", len(starts))
    ]
    return Answers(
        np.concatenate([part.probabilities for part in parts]), np.concatenate([part.far for part in parts])
    )


def _abstention(given: float | None) -> float:
    """As asked for, as the project says, or as lungml is shipped where no project is."""
    from lungml.params import load_params
    from lungml.params.trust import TrustParams

    if given is not None:
        return given
    trust = load_params().evaluate.trust if _PARAMS.is_file() else TrustParams()
    return trust.abstention


@contextmanager
def _folder_of(model: str) -> Iterator[Path]:
    """Where the bundle is; one of the registry only for as long as the context lasts."""
    if model.startswith(_REGISTRY):
        from lungml.tracking.fetching import fetched_bundle

        with fetched_bundle(model) as folder:
            yield folder
        return
    folder = Path("models") / model if model in set(Task) else Path(model)
    if not folder.is_dir():
        raise MissingInputError(
            f"--model {model}: there is no folder {folder}; name a task ({', '.join(Task)}) whose model was "
            f"trained here or restored with `dvc pull`, a model's folder, or {_REGISTRY}NAME@ALIAS"
        )
    yield folder
