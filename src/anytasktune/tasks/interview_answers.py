"""What a person typed, read as what was asked for."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from anytasktune.outputs import Rules
from anytasktune.records import Language
from anytasktune.tasks.interview_words import means, word
from anytasktune.tasks.pool_drafts import Form, Kind, proper_name
from anytasktune.text.plain_text import collapse_space

_BETWEEN = re.compile(r"\s*[,，、;；]\s*")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|—|~|～|to|至|到)\s*(-?\d+(?:\.\d+)?)", re.I)
_HALF_WIDTH = str.maketrans("０１２３４５６７８９．－？", "0123456789.-?")
KINDS: dict[str, Kind] = {"1": "label", "2": "labels", "3": "json", "4": "number", "5": "text"}


class AnswerError(ValueError):
    """What was typed is not what was asked for; `key` is the word that says so."""

    def __init__(self, key: str, **values: int) -> None:
        super().__init__(key)
        self.key, self.values = key, values

    def said_in(self, language: Language) -> str:
        """The same for the person."""
        return word(self.key, language).format(**self.values)


@dataclass(frozen=True)
class Number:
    """A range of numbers and how many digits they have after the point."""

    low: float
    high: float
    decimals: int


def read_text(text: str) -> str:
    """Any text on one line."""
    return collapse_space(text)


def read_name(text: str) -> str:
    """A name of Latin letters."""
    if not (name := proper_name(text)):
        raise AnswerError("bad_name")
    return name


def read_yes_no(text: str) -> bool:
    """Yes or no."""
    if not (means("yes", text) or means("no", text)):
        raise AnswerError("bad_yes_no")
    return means("yes", text)


def read_kind(text: str) -> Kind:
    """One of the kinds of output, by its number."""
    number = text.translate(_HALF_WIDTH).strip().rstrip(".。、")
    if number not in KINDS:
        raise AnswerError("bad_choice")
    return KINDS[number]


def read_labels(text: str) -> list[str]:
    """At least two different labels."""
    labels = [label for part in _BETWEEN.split(text.strip()) if (label := read_text(part.rstrip(".。")))]
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise AnswerError("bad_labels")
    return labels


def labels_like(count: int) -> Callable[[str], list[str]]:
    """Reads labels, of which there are `count` in the other language."""

    def read(text: str) -> list[str]:
        labels = read_labels(text)
        if len(labels) != count:
            raise AnswerError("bad_number_of_labels", count=count)
        return labels

    return read


def read_items(text: str) -> list[str]:
    """The labels of a closed list; none for free phrases."""
    return [] if means("free", text) else read_labels(text)


def read_count(text: str) -> tuple[int, int]:
    """Fewest and most items."""
    digits = text.translate(_HALF_WIDTH).strip()
    found = _RANGE.fullmatch(digits)
    low, high = (found[1], found[2]) if found else (digits, digits)
    if not (low.isdecimal() and high.isdecimal()) or int(high) < max(1, int(low)):
        raise AnswerError("bad_count")
    return int(low), int(high)


def read_range(text: str) -> Number:
    """Lowest and highest number."""
    found = _RANGE.fullmatch(text.translate(_HALF_WIDTH).strip())
    if not found or float(found[1]) >= float(found[2]):
        raise AnswerError("bad_range")
    decimals = max(len(part.partition(".")[2]) for part in found.groups())
    return Number(float(found[1]), float(found[2]), min(decimals, 6))


def read_fields(text: str) -> dict[str, bool]:
    """Names of fields, and whether each must be filled."""
    parts = [read_text(part) for part in _BETWEEN.split(text.translate(_HALF_WIDTH).strip()) if part.strip()]
    fields = {part.rstrip("? ").replace(" ", "_"): not part.endswith("?") for part in parts}
    if not fields or len(fields) < len(parts) or "" in fields:
        raise AnswerError("bad_fields")
    return fields


def read_length(text: str) -> int:
    """A number of characters."""
    digits = re.sub(r"\D*$", "", text.translate(_HALF_WIDTH).strip())
    if not digits.isdecimal() or int(digits) < 1:
        raise AnswerError("bad_length")
    return int(digits)


def form_of_fields(fields: dict[str, bool], copied: bool) -> Form:
    """A form whose keys are all there; those that may be empty can be null."""
    properties = {name: {"type": "string" if filled else ["string", "null"]} for name, filled in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}
    return Form(kind="json", json_schema=schema, rules=Rules(copies_from_input=copied))
