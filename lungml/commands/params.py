"""`lungml params`: every parameter with its type, default and meaning, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

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
            yield f"| `{name}` | `{_type_name(field.annotation)}` | {default} | {meaning} |".replace(
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
    """A type in the words of its parts, without the limits that `Annotated` holds."""
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _type_name(parts[0])
    if kind is Literal:
        return f"Literal[{', '.join(repr(value) for value in parts)}]"
    if kind in {Union, UnionType}:
        return " or ".join(_type_name(part) for part in parts)
    if kind is not None:
        return f"{kind.__name__}[{', '.join(_type_name(part) for part in parts)}]"
    return {NoneType: "None", Ellipsis: "..."}.get(annotation) or str(annotation.__name__)
