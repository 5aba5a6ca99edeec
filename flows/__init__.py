"""Order, retries, place and schedule of the work: the only door to Prefect.

What a stage is and when it can start is `lungml/pipeline`'s; nothing here knows a stage by name.

    settings.py   Prefect's switches, set before it is imported, and where the project is
    step.py       one stage as a Prefect task
    results.py    what was measured, as rows and text for people
    reproduce.py  the flow; `python -m flows.reproduce`
"""

from __future__ import annotations

from flows.settings import set_switches

set_switches()
