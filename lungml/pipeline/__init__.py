"""Running the stages of `dvc.yaml` through DVC, independent ones side by side.

The graph comes from DVC and DVC decides what is up to date; nothing here knows a stage by name.

    processes.py     a command in a process group of its own: its lines as they come, a time limit, an end
    plan.py          which stages can start now
    step.py          one stage: the command, its environment, and what DVC's words and exit code mean
    side_by_side.py  all of them, from one process; `flows/` does the same with Prefect
"""
