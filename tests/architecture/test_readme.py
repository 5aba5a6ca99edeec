"""What the README and the docs tell a person to type exists."""

import re
import shlex

import pytest
from sources import ROOT

from lungml.cli import lungml
from lungml.commands import COMMANDS
from lungml.commands.graph import graph_page
from lungml.commands.params import parameter_pages
from lungml.graph import read_graph
from lungml.stages import STAGES

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def typed_lines(page):
    blocks = re.findall(
        r"```(?:bash|sh|console)\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lungml_commands_in_a_page_exist(page):
    names = [
        words[1]
        for line in typed_lines(page)
        if (words := shlex.split(line, comments=True))[:1] == ["lungml"] and len(words) > 1
    ]

    assert [name for name in names if name not in {*STAGES, *COMMANDS, "--help", "--version"}] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_in_a_page_exist(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = [line.split()[1] for line in typed_lines(page) if re.match(r"make [a-z]", line)]

    assert [name for name in named if name not in targets] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_of_the_project_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_page_of_parameters_is_up_to_date():
    assert (ROOT / "docs/params.md").read_text(encoding="utf-8") == "\n".join(parameter_pages()) + "\n"


def test_the_picture_of_the_graph_is_up_to_date():
    assert (ROOT / "docs/graph.md").read_text(encoding="utf-8") == "\n".join(
        graph_page(read_graph(ROOT))
    ) + "\n"


@pytest.mark.parametrize("name", [*STAGES, *COMMANDS])
def test_every_command_has_help(name):
    assert lungml.get_command(None, name).get_short_help_str()
