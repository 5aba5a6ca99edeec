"""Judging a model: metrics with their chance levels, intervals, baselines, calibration, test-time views."""
