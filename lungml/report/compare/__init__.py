"""Two runs beside each other, for `lungml report --compare` and `lungml compare`.

sides.py         what a run left of a task
differences.py   what the runs were made with, where it is not the same
findings.py      what both were measured at, as sentences and tables
page.py          the HTML page
"""
