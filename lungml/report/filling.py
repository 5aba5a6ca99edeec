"""A template of this package -> text; all that is filled into HTML is escaped."""

from __future__ import annotations

from typing import Any

from lungml.report import wording


def fill(template: str, **values: Any) -> str:
    """Fill a template; an unknown name in it is an error. Equal values give equal bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lungml.report"),
        autoescape=not template.endswith(".md.j2"),  # noqa: S701 - Markdown is escaped where it is made
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": wording.number, "signed": wording.signed}
    return environment.get_template(template).render(**values)
