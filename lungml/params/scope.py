"""Section `scope`: which views are cut and which tasks are run."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lungml.params.section import Section
from lungml.terms import Target, Task, View


class ScopeParams(Section):
    """What of the pipeline runs; `dvc.yaml` makes its stages from these two."""

    views: tuple[View, ...] = Field(default=tuple(View), min_length=1)
    """Views that are cut, embedded and searched for outliers."""
    tasks: dict[Task, View] = Field(default={task: task.view for task in Task}, min_length=1)
    """Tasks that are trained, each with its view. Leave out what the data cannot give: the slice tasks for
    ready-made crops, the five-class tasks where only a binary label is known."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the tasks predict, in the order of `Target`."""
        wanted = {task.target for task in self.tasks}
        return tuple(target for target in Target if target in wanted)

    def lines_without(self, view: View) -> str:
        """The section of `params.yaml` that leaves out a view; its targets go on with the other views."""
        views = [other for other in View if other is not view]
        tasks = [task for task in Task if task.view is not view and task.target in self.targets]
        pairs = ", ".join(f"{task}: {task.view}" for task in tasks)
        return f"scope:\n  views: [{', '.join(views)}]\n  tasks: {{{pairs}}}"

    @model_validator(mode="after")
    def _views_fit(self) -> Self:
        if len(set(self.views)) < len(self.views):
            raise ValueError(f"views holds a view twice: {', '.join(self.views)}")
        for task, view in self.tasks.items():
            if view is not task.view:
                raise ValueError(f"{task} looks at the view {task.view}, found {view}")
            if view not in self.views:
                raise ValueError(f"{task} needs the view {view}; add it to views or leave the task out")
        return self
