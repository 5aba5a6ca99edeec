"""`lungml predict`: what a model says about ready-made crops of nodules that nobody has labelled."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lungml.errors import MissingInputError, ParamsError
from lungml.progress import say, track
from lungml.terms import Target, Task, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from lungml.bundle import Bundle
    from lungml.sources.unlabelled import UnlabelledCrops

_AT_ONCE = 512
_REGISTRY = "models:/"
_FILE = click.Path(path_type=Path, dir_okay=False)


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
def command(*, crops: Path, points: Path, model: str, out: Path, tta: bool) -> None:
    """Write what a model says about the nodules in the archive CROPS; they need no labels.

    CROPS is an .npz with `hu` (n, height, width), int16 native pixels, and `nodule_id`. The table of --points
    has the columns nodule_id, patient_id and pixel_spacing_mm; others, such as labels, are not looked at.
    --out gets a row for each of its rows, in their order: nodule_id, p1 to p5 (of a model of five classes:
    the probability of each score) and p_malignant (p4 + p5, or that of a model of two classes). The views
    are cut as in training. The files given are only read.
    """
    from lungml.bundle import read_bundle
    from lungml.files import write_text
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
    table = answer_table(bundle.task.target, given, predict_crops(bundle, given, tta=tta))
    write_text(out, table.to_csv(index=False))
    views = "mean over five views" if tta else "one view"
    say(f"{out}: {len(table)} nodules by a model of {bundle.task}, {views}; it predicts readers' ratings")


def predict_crops(bundle: Bundle, crops: UnlabelledCrops, *, tta: bool) -> NDArray[np.float64]:
    """Class probabilities (N, K) of crops, in their order."""
    import numpy as np

    from lungml.bundle import predict
    from lungml.evaluation.tta import predict_tta

    answer = predict_tta if tta else predict
    starts = range(0, len(crops), _AT_ONCE)
    return np.concatenate(
        [
            answer(bundle, crops.views(slice(start, start + _AT_ONCE), bundle.views))
            for start in track(starts, "crops, by the hundreds", len(starts))
        ]
    )


def answer_table(target: Target, crops: UnlabelledCrops, probabilities: NDArray[np.float64]) -> pd.DataFrame:
    """nodule_id, p1 to p5 for the target `five`, and p_malignant of probabilities (N, K)."""
    import pandas as pd

    if target is Target.BINARY:
        return pd.DataFrame({"nodule_id": crops.nodule_ids, "p_malignant": probabilities[:, 1]})
    scores = {f"p{score}": column for score, column in enumerate(probabilities.T, start=1)}
    return pd.DataFrame({"nodule_id": crops.nodule_ids, **scores, "p_malignant": scores["p4"] + scores["p5"]})


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
