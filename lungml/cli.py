"""Words -> stage or command. Only the module that is asked for is imported."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import tempfile
import traceback
import typing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lungml import __version__, compute
from lungml.commands import COMMANDS
from lungml.errors import LungmlError, ParamsError
from lungml.progress import say
from lungml.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from lungml.params import Params


_INSTEAD = {("report", "--compare"): "compare", ("audit", "--self-test"): "self-test"}
"""Stage and flag -> the command that is meant: `lungml report --compare RUN RUN`."""


class _Lazy(click.Group):
    """A group that imports a stage or command only when it is run or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*STAGES, *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in STAGES:
            return _stage_command(cmd_name)
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"lungml.commands.{cmd_name.replace('-', '_')}")
            return typing.cast("click.Command", module.command)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Words of a stage that ask for something else go to the command that does it."""
        for (name, flag), instead in _INSTEAD.items():
            if args[:1] == [name] and flag in args:
                return super().resolve_command(ctx, [instead, *(word for word in args[1:] if word != flag)])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, table in (("Stages (dvc.yaml runs them in order)", STAGES), ("Commands", COMMANDS)):
            with formatter.section(title):
                formatter.write_dl(list(table.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lungml")
def lungml() -> None:
    """From chest CT to a registered, calibrated, explained lung-nodule malignancy model.

    `dvc repro` runs all stages in order; each can be run by hand too.
    """
    asked = click.get_current_context().invoked_subcommand
    if compute.processes() > 1 and asked not in SHARED_BY_PROCESSES:
        raise ParamsError(
            f"{asked} is not work that the {compute.processes()} processes of torchrun can share; "
            f"{', '.join(SHARED_BY_PROCESSES)} is. Start it without torchrun"
        )


SHARED_BY_PROCESSES = ("finetune",)
"""What torchrun may start in several processes, which work as one."""


def main() -> None:
    """Run the command line; an error is one message and an exit code, never a traceback."""
    sys.excepthook = _report_bug
    # Waiting threads sleep: where stages run side by side, spinning ones slow training down tenfold.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        count = compute.processes_to_start()
        if count > 1 and sys.argv[1:2] in [[name] for name in SHARED_BY_PROCESSES]:
            from lungml.training.launching import start_processes

            sys.exit(start_processes(count, sys.argv[1:]))
        lungml(standalone_mode=False)
    except LungmlError as error:
        whose = f" (process {compute.rank() + 1})" if compute.processes() > 1 else ""
        click.echo(f"lungml{whose}: {error}", err=True)
        _note(os.environ.get("DVC_STAGE", ""), str(error.exit_code))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("lungml: stopped; the same command starts again", err=True)
        sys.exit(130)


def _report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell that lungml has a bug, and keep the traceback in a file for the report."""
    with tempfile.NamedTemporaryFile("w", prefix="lungml-bug-", suffix=".txt", delete=False) as log:
        traceback.print_exception(kind, error, trace, file=log)
    click.echo(
        f"lungml: this is a bug in lungml ({kind.__name__}), not in your data. "
        f"What happened is in {log.name}; please look that no patient is named in it "
        "and send it to the issue tracker",
        err=True,
    )


def _stage_command(name: str) -> click.Command:
    run = importlib.import_module(f"lungml.stages.{name}").run
    sections, options = stage_signature(run)

    def call(**values: Any) -> None:
        from lungml.params import load_params

        _announce(name)
        params = load_params()
        run(*(find_section(params, kind, values.get("task")) for kind in sections), **values)

    return click.Command(
        name,
        callback=call,
        help=STAGES[name],
        params=[_option(option, kind) for option, kind in options.items()],
        epilog="".join(
            f"`lungml {name} {flag}` is `lungml {instead}`; see its --help."
            for (stage, flag), instead in _INSTEAD.items()
            if stage == name
        ),
    )


def stage_signature(run: Callable[..., None]) -> tuple[list[type], dict[str, type]]:
    """Split a stage's arguments into its sections (in order) and its options (name -> type)."""
    hints = typing.get_type_hints(run)
    sections, options = [], {}
    for argument in inspect.signature(run).parameters.values():
        if argument.kind is inspect.Parameter.KEYWORD_ONLY:
            options[argument.name] = hints[argument.name]
        else:
            sections.append(hints[argument.name])
    return sections, options


def find_section(params: Params, kind: type, task: str | None) -> Any:
    """The value of section type `kind` in `params`; of `task` where each task has its own."""
    places = [params] if task is None else [params, params.tasks[task]]  # type: ignore[index]
    for place in places:
        for field in type(place).model_fields:
            value = getattr(place, field)
            if type(value) is kind:
                return value
    raise TypeError(f"no section of type {kind.__name__}")


def _option(name: str, kind: type) -> click.Option:
    flag = f"--{name.replace('_', '-')}"
    if kind is Path:
        return click.Option([flag, name], type=click.Path(path_type=Path), required=True)
    if issubclass(kind, StrEnum):
        return click.Option(
            [flag, name],
            type=click.Choice([member.value for member in kind]),
            callback=lambda _ctx, _option, value: kind(value),
            required=True,
        )
    return click.Option([flag, name], type=str, required=True)


def _announce(name: str) -> None:
    """Say which stage of how many this is, where `lungml demo` has counted them."""
    stage = os.environ.get("DVC_STAGE", name)
    order = os.environ.get("LUNGML_STAGE_ORDER", "").split(",")
    count = f"[{order.index(stage) + 1}/{len(order)}] " if stage in order else ""
    say(f"{count}{stage}: {STAGES[name]}")
    _note(stage)


def _note(*facts: str) -> None:
    """Write down which stage runs and how it failed: `lungml demo` hears of DVC's exit code only."""
    if path := os.environ.get("LUNGML_STAGE_NOTE"):
        Path(path).write_text("\n".join(facts), encoding="utf-8")
