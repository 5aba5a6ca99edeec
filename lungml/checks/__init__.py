"""The data contract: expectations on the index tables, their results and Data Docs, and the leakage gate.

The only importer of Great Expectations, through `engine` and `suites`. It checks tables, so `frames` first
computes what is to be checked, row by row.
"""
