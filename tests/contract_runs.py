"""Running one suite of the data contract on tables in memory."""

from lungml.checks import engine, suites
from lungml.checks.frames import build_frames
from lungml.params.data import CheckParams, LabelParams


def run_suite(name, tables, folder, params=None, labels=None):
    frame = build_frames(tables, labels or LabelParams())[name]
    suite = suites.SUITES[name]
    job = engine.Job(name, suite.about, frame, suite.key, suite.expectations(params or CheckParams()))
    return engine.run_suites([job], folder)[name]


def failing(checks):
    return [check for check in checks if not check.success]
