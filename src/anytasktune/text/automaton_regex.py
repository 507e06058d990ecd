"""A user's regular expression, rewritten for engines that run it as an automaton (Rust's `regex` syntax).

Such engines can say after every character whether the text so far can still become a match, which generation needs. They know
no look-around, back references or possessive repeats.
"""

import re
from collections.abc import Sequence
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}
_STARTS = {ops.AT_BEGINNING, ops.AT_BEGINNING_STRING}
_ENDS = {ops.AT_END, ops.AT_END_STRING}
_KNOWN_FLAGS = re.UNICODE | re.IGNORECASE | re.DOTALL | re.VERBOSE


class NotRegularError(Exception):
    """A pattern needs what an automaton cannot do."""


def automaton_regex(pattern: str, *, whole: bool = True) -> str | None:
    """`pattern` in the syntax of Rust's `regex`; None where it needs what an automaton cannot do.

    Args:
        whole: it is to match all of a text, so that anchors at its ends say nothing; else anywhere in it.
    """
    try:
        parsed = parser.parse(pattern)
        if parsed.state.flags & ~_KNOWN_FLAGS:
            return None
        text = _sequence(list(parsed), whole, bool(parsed.state.flags & re.DOTALL), (True, True))
    except (NotRegularError, RecursionError):
        return None
    return f"(?i:{text})" if parsed.state.flags & re.IGNORECASE else text


def single_character(op: Any, value: Any, flags: int) -> str:
    """A parsed part of a pattern that stands for one character, in Python's syntax.

    Raises:
        NotRegularError: it stands for something else.
    """
    if op not in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN) or flags & ~_KNOWN_FLAGS:
        raise NotRegularError
    text = _node(op, value, True, bool(flags & re.DOTALL), (False, False))
    return f"(?i:{text})" if flags & re.IGNORECASE else text


def character(char: str) -> str:
    """A regular expression for one character, in Python's syntax too."""
    if char.isascii() and char.isalnum():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"


def literal(text: str) -> str:
    """A regular expression for exactly `text`."""
    return "".join(map(character, text))


def _sequence(nodes: Sequence[tuple[Any, Any]], whole: bool, dotall: bool, edges: tuple[bool, bool]) -> str:
    """`edges`: whether the sequence begins, and whether it ends, where the whole pattern does."""
    last = len(nodes) - 1
    places = [(edges[0] and place == 0, edges[1] and place == last) for place in range(len(nodes))]
    return "".join(_node(op, value, whole, dotall, place) for (op, value), place in zip(nodes, places, strict=True))


def _node(op: Any, value: Any, whole: bool, dotall: bool, edges: tuple[bool, bool]) -> str:
    match op:
        case ops.LITERAL:
            return character(chr(value))
        case ops.NOT_LITERAL:
            return f"[^{character(chr(value))}]"
        case ops.ANY:
            return "(?s:.)" if dotall else "."
        case ops.IN:
            return _class(value)
        case ops.BRANCH:
            return f"(?:{'|'.join(_sequence(list(branch), whole, dotall, edges) for branch in value[1])})"
        case ops.SUBPATTERN:
            return _group(value, whole, dotall, edges)
        case ops.MAX_REPEAT | ops.MIN_REPEAT:
            low, high, part = value
            most = "" if high == ops.MAXREPEAT else int(high)
            return f"(?:{_sequence(list(part), whole, dotall, (False, False))}){{{int(low)},{most}}}"
        case ops.AT if (value in _STARTS and edges[0]) or (value in _ENDS and edges[1]):
            return "" if whole else "^" if value in _STARTS else "$"
    raise NotRegularError


def _group(value: Any, whole: bool, dotall: bool, edges: tuple[bool, bool]) -> str:
    _, added, removed, part = value
    if (added | removed) & ~_KNOWN_FLAGS:
        raise NotRegularError
    dotall = (dotall or bool(added & re.DOTALL)) and not removed & re.DOTALL
    case = "i" if added & re.IGNORECASE else "-i" if removed & re.IGNORECASE else ""
    return f"(?{case}:{_sequence(list(part), whole, dotall, edges)})"


def _class(parts: Sequence[tuple[Any, Any]]) -> str:
    inside = ""
    for op, value in parts:
        match op:
            case ops.NEGATE:
                inside += "^"
            case ops.LITERAL:
                inside += character(chr(value))
            case ops.RANGE:
                inside += f"{character(chr(value[0]))}-{character(chr(value[1]))}"
            case ops.CATEGORY:
                inside += _CATEGORIES[value]
    return f"[{inside}]"
