"""A tree from an XML file that may be hostile: no DOCTYPE (so no entities), limited size and depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers import expat

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 32


class XmlError(ValueError):
    """An XML file that is refused; the text says what was found."""


def read_xml(path: Path) -> Element:
    """Read an XML file; its names are without namespace.

    Raises:
        XmlError: it is larger than `MAX_BYTES`, has a DOCTYPE, is nested deeper than `MAX_DEPTH`, or is
            malformed.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise XmlError(f"{size} bytes")
    data = path.read_bytes()
    try:
        _Guard().check(data)
        root = fromstring(data)  # noqa: S314 (the guard has refused every DOCTYPE)
    except (expat.ExpatError, ParseError, LookupError, ValueError) as error:
        raise error if isinstance(error, XmlError) else XmlError(f"malformed XML ({error})") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def children(element: Element, name: str) -> Iterator[Element]:
    """The children of that name."""
    return (child for child in element if child.tag == name)


def first_text(element: Element, name: str) -> str | None:
    """Text of the first child of that name, without space around it; None if there is none."""
    text = element.findtext(name)
    return None if text is None else text.strip()


class _Guard:
    """Parses without building anything, and stops at what is refused."""

    def __init__(self) -> None:
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def check(self, data: bytes) -> None:
        self._parser.Parse(data, True)

    def _doctype(self, *_parts: object) -> None:
        raise XmlError("a DOCTYPE")

    def _start(self, _name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise XmlError(f"more than {MAX_DEPTH} levels")

    def _end(self, _name: str) -> None:
        self._depth -= 1
