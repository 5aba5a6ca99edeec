"""What two runs were measured at on the nodules both answered: a sentence first, then every metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from lungml.errors import InputError
from lungml.evaluation.metrics import HEADLINE
from lungml.evaluation.pairing import Compared, Drawing, Row, compare_pairs, pair_up
from lungml.report import wording
from lungml.report.compare.differences import Differing, differing
from lungml.report.compare.sides import UNKNOWN, Side
from lungml.report.trust.block import with_interval
from lungml.terms import Task

HEADER = ("metric", "first run", "second run", "second minus first", "so the second is")


@dataclass(frozen=True)
class TaskFinding:
    """One task: its sentence, its table under `HEADER`, and what the runs were made with."""

    task: Task
    verdict: str
    tone: str
    """better, worse or open."""
    shared: str
    table: list[tuple[str, ...]]
    delong: str
    power: str
    made: Differing


@dataclass(frozen=True)
class Finding:
    """Two runs compared."""

    names: tuple[str, str]
    sentence: str
    tone: str
    left_out: str
    """Tasks that only one run has; '' if there are none."""
    tasks: list[TaskFinding]


def compare_runs(
    first: Mapping[Task, Side], second: Mapping[Task, Side], names: tuple[str, str], drawing: Drawing
) -> Finding:
    """Compare two runs, called `names`, in every task that both have.

    Raises:
        InputError: they share no task, or of a task no test nodule or not the label policy.
    """
    shared = [task for task in Task if task in first and task in second]
    if not shared:
        raise InputError(
            f"{names[0]} has {_listed(first)} and {names[1]} has {_listed(second)}: they share no task, so "
            "there is nothing to compare; give two runs of the same task"
        )
    for task in shared:
        _check_policies(first[task], second[task], names)
    pairs = {task.value: pair_up(first[task].answers, second[task].answers, names) for task in shared}
    compared = compare_pairs(pairs, drawing)
    tasks = [_task(task, compared[task.value], first[task], second[task]) for task in shared]
    alone = [task for task in Task if (task in first) != (task in second)]
    left_out = f"Only one of the runs has {_listed(alone)}." if alone else ""
    return Finding(names, _sentence(tasks), _tone(tasks), left_out, tasks)


def _check_policies(first: Side, second: Side, names: tuple[str, str]) -> None:
    if UNKNOWN in {first.policy, second.policy} or first.policy == second.policy:
        return
    raise InputError(
        f"{first.task}: {names[0]} has the label policy {first.policy} and {names[1]} {second.policy}, so "
        "their labels mean different things; evaluate both under one policy (section labels of params.yaml)"
    )


def _task(task: Task, found: Compared, first: Side, second: Side) -> TaskFinding:
    headline = found.rows[HEADLINE]
    tone = headline.words if headline.words in {"better", "worse"} else "open"
    models = [side.lineage.get("bundle_sha256", UNKNOWN) for side in (first, second)]
    same = models[0] == models[1] != UNKNOWN
    verdict = "Both runs hold the same model." if same else _verdict(headline)
    return TaskFinding(
        task=task,
        verdict=verdict,
        tone=tone,
        shared=_shared(found),
        table=[_cells(name, row) for name, row in found.rows.items()],
        delong=_delong(found),
        power=_power(headline),
        made=differing(first, second),
    )


def _verdict(row: Row) -> str:
    value = with_interval(row.difference.interval, difference=True)
    name = wording.METRIC_NAMES[HEADLINE].lower().replace("auprc", "AUPRC")
    if row.words in {"better", "worse"}:
        return f"The second run is {row.words}: {name} {value}."
    return f"{row.words[0].upper()}{row.words[1:]}: {name} {value}."


def _sentence(tasks: list[TaskFinding]) -> str:
    if len(tasks) == 1:
        return tasks[0].verdict
    by_tone = {
        tone: [each.task for each in tasks if each.tone == tone] for tone in ("better", "worse", "open")
    }
    said = [
        f"better in {_counted(by_tone['better'], len(tasks))}",
        f"worse in {_counted(by_tone['worse'], len(tasks))}",
    ]
    rest = f"; no difference is shown in {_counted(by_tone['open'], len(tasks))}" if by_tone["open"] else ""
    return f"By weighted AUPRC, the second run is {' and '.join(said)}{rest}."


def _tone(tasks: list[TaskFinding]) -> str:
    tones = {each.tone for each in tasks} - {"open"}
    return tones.pop() if len(tones) == 1 else "open"


def _counted(tasks: list[Task], of: int) -> str:
    if not tasks:
        return "none"
    return f"{len(tasks)} of {of} tasks ({_listed(tasks)})"


def _shared(found: Compared) -> str:
    text = f"On the {found.nodules} test nodules of {found.patients} patients that both runs answered."
    if any(found.alone):
        text += (
            f" {found.alone[0]} more are in the test part of the first alone, {found.alone[1]} of the second."
        )
    return text


def _cells(name: str, row: Row) -> tuple[str, ...]:
    return (
        wording.METRIC_NAMES[name],
        with_interval(asdict(row.first)),
        with_interval(asdict(row.second)),
        with_interval(row.difference.interval, difference=True),
        row.words,
    )


def _delong(found: Compared) -> str:
    if found.delong is None or found.delong.p is None:
        return ""
    gain = wording.signed(found.delong.first - found.delong.second)
    p = "p < 0.001" if found.delong.p < 0.001 else f"p = {wording.number(found.delong.p)}"
    return (
        f"DeLong's test of the AUROC, second minus first: {gain} ({p}). It "
        "takes nodules of one patient as independent, so its p-value is too small."
    )


def _power(row: Row) -> str:
    if row.difference.smallest is None:
        return "Too few patients to say which difference could be shown."
    return (
        f"With these patients, a difference of {wording.number(row.difference.smallest)} or more in weighted "
        "AUPRC is shown with a chance of 80 %; a smaller one may be there and remain unseen."
    )


def _listed(tasks: Iterable[Task]) -> str:
    return ", ".join(task.value for task in tasks) or "no task"
