"""The stage evaluate, run on a small cohort."""

import json

import pandas as pd
from small_cohort import write_baselines

from lungml.params.evaluation import EvaluateParams
from lungml.stages import evaluate
from lungml.tables import SPLIT, read_table, write_table

PARAMS = EvaluateParams(null_draws=100, replicates=200)


def run(task, cohort, bundle, out):
    evaluate.run(
        PARAMS,
        task=task,
        bundle=bundle,
        log=bundle.with_name("log"),
        views=cohort.views,
        split=cohort.split,
        index=cohort.index,
        diagnoses=cohort.diagnoses,
        baselines=write_baselines(cohort, task, out.with_name("baselines")),
        ledger=ledger_of(out),
        out=out,
    )


def ledger_of(out):
    return out.parent / f"{out.name}-ledger.jsonl"


def metrics_of(out):
    return json.loads((out / "metrics.json").read_text())


def rewrite_split(cohort, **columns):
    split: pd.DataFrame = read_table(cohort.split, SPLIT)
    write_table(
        cohort.split, split.assign(**{name: make(split[name]) for name, make in columns.items()}), SPLIT
    )
