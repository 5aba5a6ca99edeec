"""The self-test: cohorts and leaks of which the verdict is known, put before the pipeline's own checks."""
