"""A project of labelled crops with its models, and the command predict on crops without labels."""

import numpy as np
import pandas as pd
from click.testing import CliRunner
from small_cohort import Cohort, write_baselines

from lungml.checks.result import build_result
from lungml.commands.predict import command
from lungml.files import write_json
from lungml.params.data import IntensityParams, LabelParams, SplitParams, ViewsParams
from lungml.params.evaluation import EvaluateParams
from lungml.params.model import AugmentParams, RecipeParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.params.task import FinetuneParams
from lungml.stages import evaluate, finetune, split
from lungml.terms import Task

TASKS = (Task.NODULE_BINARY, Task.NODULE_FIVE)
PATIENTS = 24
SCORES = [1 + number % 5 for number in range(2 * PATIENTS)]
VIEWS_PARAMS = ViewsParams(size_px=24, nodule_field_of_view_mm=14.0)


def write_crops(folder):
    """Two balls of each patient, the brighter the more malignant; some pixels are padding. Two files."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    y, x = np.indices((21, 21)) - 10
    ball = np.hypot(y, x) < 5
    hu = -850 + rng.normal(0, 20, (len(SCORES), 21, 21))
    hu += ball * (500 + 120 * np.array(SCORES)[:, None, None])
    hu[:, 0, :3] = -2000
    ids = [f"{number:03}" for number in range(len(SCORES))]
    np.savez_compressed(folder / "crops.npz", hu=hu.astype(np.int16), nodule_id=np.array(ids))
    table = pd.DataFrame(
        {
            "nodule_id": ids,
            "patient_id": [f"P{number // 2:02}" for number in range(len(SCORES))],
            "pixel_spacing_mm": rng.uniform(0.6, 0.8, len(SCORES)).round(4),
            "score": SCORES,
        }
    )
    table.to_csv(folder / "crops.csv", index=False)
    return table


def write_split(root):
    write_json(root / "checked" / "result.json", build_result({}, root / "index", LabelParams()))
    (root / "exclusions.csv").write_text("nodule_id,reason,reviewer,date\n")
    split.run(
        SplitParams(), LabelParams(), ScopeParams(), index=root / "index", checked=root / "checked",
        exclusions=root / "exclusions.csv", out=root / "split.parquet", excluded=root / "excluded.json",
    )  # fmt: skip


def train_and_evaluate(root, task):
    best = {"task": task, "backbone": "resnet10t", "batch_size": 8, "optimizer": "adamw"}
    write_json(root / "tuned" / "best.json", best | {"learning_rate": 0.003, "head": "linear"})
    recipe = RecipeParams(augment=AugmentParams(), average_decay=0.5)
    made, data = root / "models" / task, {"views": root / "views", "split": root / "split.parquet"}
    finetune.run(
        FinetuneParams(epochs=2, recipe=recipe), WeightsParams(), IntensityParams(), LabelParams(), task=task,
        tuned=root / "tuned", out=made, log=root / "log" / task, **data,
    )  # fmt: skip
    (root / "diagnoses.csv").write_text("patient_id,diagnosis\n")
    cohort = Cohort(index=root / "index", diagnoses=root / "diagnoses.csv", **data)
    baselines = write_baselines(cohort, task, root / "baselines" / task)
    evaluate.run(
        EvaluateParams(null_draws=100, replicates=100), task=task, bundle=made, log=root / "log" / task,
        index=root / "index", diagnoses=root / "diagnoses.csv", baselines=baselines,
        ledger=root / "ledger.jsonl", out=root / "evaluate" / task, **data,
    )  # fmt: skip


def predict(folder, model, *options, out=None):
    """Run the command on the files in `folder`; give the table it wrote."""
    out = folder.parent / "out" / "answers.csv" if out is None else out
    said_by_predict(folder, model, *options, out=out)
    return pd.read_csv(out, dtype={"nodule_id": str})


def said_by_predict(folder, model, *options, out):
    """Run the command on the files in `folder`; give what it prints."""
    words = [folder / "crops.npz", "--points", folder / "crops.csv", "--model", model, "--out", out, *options]
    done = CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


ABSTAINING = ["distance", "out_of_distribution"]


def change_archive(**arrays):
    """Make arrays of the archive anew from what is in them."""

    def change(folder):
        with np.load(folder / "crops.npz") as old:
            kept = {name: old[name] for name in old.files}
        changed = {name: make(kept) for name, make in arrays.items()}
        np.savez(
            folder / "crops.npz",
            **{name: each for name, each in (kept | changed).items() if each is not None},
        )

    return change
