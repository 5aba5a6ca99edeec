"""One `trust.json` of each target, made once."""

from functools import cache

from index_tables import make_index
from report_files import make_split
from trust_files import DISTANCES, make_evidence

from lungml.evaluation.trust import trust
from lungml.params.evaluation import EvaluateParams
from lungml.terms import Task

PARAMS = EvaluateParams(null_draws=100)


@cache
def example_evidence(task: Task = Task.NODULE_BINARY, patients: int = 90):
    tables = make_index(patients, 0)
    return make_evidence(task, tables, make_split(tables, 0))


@cache
def example_trust(task: Task = Task.NODULE_BINARY):
    """As the stage evaluate writes it; tests must not change it."""
    return trust(example_evidence(task), PARAMS) | {"out_of_distribution": DISTANCES}
