"""The search for leakage in a cohort of the size of LIDC-IDRI: how long each part of it takes."""

from __future__ import annotations

import time

from benchmarks.phantom_cohort import draw_cohort
from benchmarks.result import Result, Value, parser, show
from lungml.checks.findings import Level
from lungml.checks.leakage import AUDITS
from lungml.params.audit import AuditParams
from lungml.params.data import ViewsParams

CLAIM = "The search for leakage among 2,669 nodules takes less than 5 minutes of one processor"
COLUMNS = ("audit", "seconds", "processor seconds", "alarms", "warnings", "notes")
_LEVELS = (Level.ALARM, Level.WARNING, Level.NOTE)


def measure(nodules: int, size_px: int) -> Result:
    """Run every audit once over a clean phantom cohort with both views of (size_px, size_px)."""
    material, params = draw_cohort(nodules, ViewsParams(size_px=size_px)), AuditParams()
    rows: list[tuple[Value, ...]] = []
    for name, look in AUDITS.items():
        started, spent = time.perf_counter(), time.process_time()
        found = [item.level for item in look(material, params)]
        seconds = time.perf_counter() - started, time.process_time() - spent
        rows.append((name, *seconds, *(found.count(level) for level in _LEVELS)))
    rows.append(("all", *(sum(float(row[column]) for row in rows) for column in range(1, len(COLUMNS)))))
    note = _NOTE.format(nodules=nodules, patients=material.nodules["patient_id"].nunique(), px=size_px)
    return Result(CLAIM, COLUMNS, tuple(rows), (note,))


_NOTE = (
    "{nodules} nodules of {patients} phantom patients without any leak, slice and nodule views of {px} x "
    "{px}, turned copies looked for. Notes are of views that are alike within one part."
)


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--nodules", type=int, default=2669)
    arguments.add_argument("--size-px", type=int, default=96)
    given = arguments.parse_args()
    show(measure(given.nodules, given.size_px), given.json)
