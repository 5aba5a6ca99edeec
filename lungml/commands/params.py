"""`lungml params`: every parameter with its type, default and meaning, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import click
from pydantic import BaseModel

from lungml.params import Params
from lungml.params.section import Section


@click.command("params")
def command() -> None:
    """Print every parameter of params.yaml with its type, default and meaning."""
    click.echo("\n".join(parameter_pages()))


def parameter_pages() -> Iterator[str]:
    """Lines of `docs/params.md`."""
    yield "# Parameters"
    yield ""
    yield "Written by `make docs` from the typed sections in `lungml/params/`; do not edit."
    yield ""
    for name, field in Params.model_fields.items():
        kind = _section_of(field.annotation)
        yield from _section("tasks.<task>" if name == "tasks" else name, kind)


def _section(path: str, kind: type[Section]) -> Iterator[str]:
    plain = {name: field for name, field in kind.model_fields.items() if not _is_section(field.annotation)}
    if plain:
        yield f"## `{path}`"
        yield ""
        yield " ".join((kind.__doc__ or "").split())
        yield ""
        yield "| parameter | type | default | meaning |"
        yield "|---|---|---|---|"
        for name, field in plain.items():
            default = "required" if field.is_required() else f"`{_as_text(field.default)}`"
            meaning = " ".join((field.description or "").split())
            yield f"| `{name}` | {_type_name(field.annotation)} | {default} | {meaning} |".replace(
                "| |", "| - |"
            )
        yield ""
    for name, field in kind.model_fields.items():
        if _is_section(field.annotation):
            yield from _section(f"{path}.{name}", _section_of(field.annotation))


def _as_text(value: Any) -> str:
    return json.dumps(value.model_dump(mode="json")) if isinstance(value, BaseModel) else repr(value)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _section_of(annotation: Any) -> type[Section]:
    kind: type[Section] = next(kind for kind in (annotation, *get_args(annotation)) if _is_section(kind))
    return kind


def _type_name(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for noise in ("typing.", "pathlib._local.", "pathlib."):
        text = text.replace(noise, "")
    return f"`{text}`".replace("|", "or")
