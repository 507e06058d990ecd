"""A JSON answer as a set of facts that can be compared one by one."""

from collections.abc import Iterator
from typing import Any

from anytasktune.ids import canonical_json
from anytasktune.text.json_values import try_json

Fact = tuple[tuple[str, ...], str]
"""(key path, value as canonical JSON)."""


def facts_of_text(text: str) -> frozenset[Fact]:
    """The facts stated by an answer; none if it is not JSON."""
    return facts(try_json(text, otherwise=[]))


def facts(value: Any) -> frozenset[Fact]:
    """Flatten decoded JSON: a key path with each of its values; of a list of objects, each whole object.

    Order and repetition do not matter, strings are compared without space around them, and an empty list or object
    states nothing. `{"city": ["Rome", "Oslo"]}` has the facts (city, Rome) and (city, Oslo).
    """
    return frozenset(_walk((), _stripped(value)))


def _walk(path: tuple[str, ...], value: Any) -> Iterator[Fact]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _walk((*path, key), child)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, dict):
                yield path, canonical_json(child)
            else:
                yield from _walk(path, child)
    else:
        yield path, canonical_json(value)


def _stripped(value: Any) -> Any:
    """Strings without space around them and whole floats as integers (1.0 and 1 are one JSON number)."""
    if isinstance(value, dict):
        return {key.strip(): _stripped(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_stripped(child) for child in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value
