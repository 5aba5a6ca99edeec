"""Order, retries, place and schedule of the work: the only door to Prefect.

The graph comes from `dvc.yaml` and DVC decides what is up to date; nothing here knows a stage by name.

    settings.py   Prefect's switches, set before it is imported, and where the project is
    processes.py  a command in a process group of its own: its lines as they come, a time limit, an end
    plan.py       which stages can start now
    step.py       one stage as a Prefect task
    results.py    what was measured, as rows and text for people
    reproduce.py  the flow; `python -m flows.reproduce`
"""

from __future__ import annotations

from flows.settings import set_switches

set_switches()
