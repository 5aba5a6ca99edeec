"""Claims about speed and robustness, each measured by one module: `python -m benchmarks.read_series`.

A module prints a table, and writes it as JSON with `--json FILE`. Contenders are measured side by side in one
run: interleaved, in a new order each round, so that a busy machine is unfair to all alike.
"""
