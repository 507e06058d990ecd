"""Standard JSON: decoded strictly, and walked."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from anytasktune.text.plain_text import shorten

MAX_JSON_DEPTH = 64
"""JSON nested deeper than this is no answer to any task; following it could exhaust the stack."""

KeyPath = tuple[str, ...]
_MOST_DIGITS = 300
_SURROGATE, _HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]"), re.compile("[\ud800-\udfff]")


def load_json(text: str) -> Any:
    """Decode standard JSON.

    Raises:
        ValueError: not JSON, `NaN`, a number too large for a float or half a character in it, or nested deeper than
            `MAX_JSON_DEPTH`.
    """
    if not text.strip():
        raise ValueError("it is empty")
    try:
        value = json.loads(text, parse_constant=refuse_constant, parse_float=finite_float, parse_int=finite_int)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
        if depth > MAX_JSON_DEPTH:
            break
    if depth > MAX_JSON_DEPTH:
        raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} levels deep")
    if _SURROGATE.search(text) and any(_HALF.search(part) for part in (*strings_in(value), *keys_in(value))):
        raise ValueError("it holds half a character (a lone surrogate)")
    return value


def try_json(text: str, otherwise: Any = None) -> Any:
    """Decode standard JSON; `otherwise` where `text` is none."""
    try:
        return load_json(text)
    except ValueError:
        return otherwise


def is_json(text: str) -> bool:
    """Whether `text` is standard JSON."""
    return try_json(text, otherwise=is_json) is not is_json


def write_out_escapes(text: str) -> str:
    """JSON with `\\u....` written out, so that its words can be found; anything else as it is."""
    return json.dumps(load_json(text), ensure_ascii=False) if "\\u" in text and is_json(text) else text


def refuse_constant(name: str) -> NoReturn:
    """Refuse `NaN` and infinity, which Python's decoder would take (its `parse_constant`)."""
    raise ValueError(f"{name} is not a JSON number")


def finite_float(digits: str) -> float:
    """A JSON number as a float (the decoder's `parse_float`).

    Raises:
        ValueError: it is too large for one.
    """
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{shorten(digits, 20)} is too large a number")
    return number


def finite_int(digits: str) -> int:
    """A whole JSON number (the decoder's `parse_int`).

    Raises:
        ValueError: it is too large for a float, and so for most programs that would read it.
    """
    if len(digits) >= _MOST_DIGITS:
        finite_float(digits)
    return int(digits)


def repeated_keys(text: str) -> tuple[str, ...]:
    """Keys that stand twice in one object of the JSON `text` (a decoder keeps only the last); empty if it is no JSON."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        times = Counter(key for key, _ in pairs)
        repeated.extend(sorted(key for key, count in times.items() if count > 1))

    try:
        json.loads(text, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(repeated))


def strings_at(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """All strings inside decoded JSON in their order, each with the keys above it; places in lists are left out."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from strings_at(child, (*path, key))
    elif isinstance(value, list):
        for child in value:
            yield from strings_at(child, path)


def strings_in(value: Any) -> Iterator[str]:
    """All strings inside decoded JSON, without keys, in their order."""
    return (text for _, text in strings_at(value))


def keys_in(value: Any) -> Iterator[str]:
    """All keys of decoded JSON, those of an object before those further inside; repetitions kept."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from keys_in(child)


def layout_of(value: Any, path: str = "") -> Iterator[str]:
    """Every place in decoded JSON with what stands there: an object, a list or a value (`/people/*/name:value`)."""
    yield f"{path}:{'list' if isinstance(value, list) else 'object' if isinstance(value, dict) else 'value'}"
    if isinstance(value, dict):
        for key, child in value.items():
            yield from layout_of(child, f"{path}/{key}")
    elif isinstance(value, list):
        for child in value:
            yield from layout_of(child, f"{path}/*")
