"""A template of this package -> HTML; all that is filled in is escaped."""

from __future__ import annotations

import re
from typing import Any

from lungml.report import wording


def fill(template: str, **values: Any) -> str:
    """Fill a template; an unknown name in it is an error. Equal values give equal bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lungml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": wording.number, "signed": wording.signed, "code": _code}
    return environment.get_template(template).render(**values)


def _code(text: str) -> Any:
    """What stands between backticks as code; the rest is escaped like everything."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before
