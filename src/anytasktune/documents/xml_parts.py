"""XML from strangers: no document types, so no entities of theirs, nothing fetched, and a bounded depth."""

from collections.abc import Mapping
from typing import NoReturn, Protocol
from xml.etree import ElementTree
from xml.parsers import expat

from anytasktune.documents.refusal import broken, unsafe

MOST_DEPTH = 500
_BLOCK = 1 << 16


class Listener(Protocol):
    """What is told of an XML part, in the order of the text. Names are without their namespaces."""

    def start(self, name: str, attributes: Mapping[str, str]) -> object:
        """An element begins."""

    def data(self, text: str) -> object:
        """Some of its text; there may be more."""

    def end(self, name: str) -> object:
        """It ends."""


def listen(content: bytes, listener: Listener) -> None:
    """Tell `listener` what is in an XML part, without ever holding it as a tree.

    Attributes keep their namespace as `uri}name` where they have one.

    Raises:
        RefusedError: `unsafe` for a document type or absurd nesting, `broken` for what is no XML.
    """
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise unsafe(f"its XML is nested more than {MOST_DEPTH} deep")
        listener.start(local(name), attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        listener.end(local(name))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = listener.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        for place in range(0, len(content), _BLOCK):
            parser.Parse(content[place : place + _BLOCK], False)
        parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError, LookupError) as error:
        raise broken(f"a part of it is not sound XML ({error})") from None


def tree(content: bytes) -> ElementTree.Element:
    """A small XML part as a tree; raises as `listen` does."""
    builder = ElementTree.TreeBuilder()
    listen(content, _Planting(builder))
    return builder.close()


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def attribute(attributes: Mapping[str, str], name: str) -> str:
    """An attribute whatever its namespace; one without is preferred. Empty if there is none."""
    if name in attributes:
        return attributes[name]
    return next((value for key, value in attributes.items() if local(key) == name), "")


class _Planting:
    def __init__(self, builder: ElementTree.TreeBuilder) -> None:
        self._builder = builder

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._builder.start(name, dict(attributes))

    def data(self, text: str) -> None:
        self._builder.data(text)

    def end(self, name: str) -> None:
        self._builder.end(name)


def _refuse(*_: object) -> NoReturn:
    raise unsafe("its XML declares a document type or entities, which such files never need")
