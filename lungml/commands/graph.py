"""`lungml graph`: the graph of stages as a Mermaid picture, from `dvc.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lungml.graph import StageNode, read_graph


@click.command("graph")
def command() -> None:
    """Print the graph of stages as Markdown with a Mermaid picture."""
    click.echo("\n".join(graph_page(read_graph(Path.cwd()))))


def graph_page(nodes: list[StageNode]) -> Iterator[str]:
    """Lines of `docs/graph.md`; the copies of a stage (`tune@slice-five`, ...) are drawn as one box."""
    copies: dict[str, int] = {}
    arrows: dict[tuple[str, str], None] = {}
    for node in nodes:
        name = _family(node.name)
        copies[name] = copies.get(name, 0) + 1
        for needed in node.needs:
            arrows[_family(needed), name] = None
    yield "# The graph of stages"
    yield ""
    yield "Written by `make docs` from `dvc.yaml`; do not edit. `x 4`: one copy per task."
    yield ""
    yield "```mermaid"
    yield "flowchart LR"
    for name, count in copies.items():
        yield f'    {name}["{name}{f" x {count}" if count > 1 else ""}"]'
    for first, second in arrows:
        yield f"    {first} --> {second}"
    yield "```"


def _family(name: str) -> str:
    return name.split("@", maxsplit=1)[0]
