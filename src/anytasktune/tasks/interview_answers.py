"""Words of the interview in two languages, and typed answers read as what was asked for."""

import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from anytasktune.outputs import OUTPUT_KINDS, NumberOutput
from anytasktune.records import Language
from anytasktune.text.plain_text import collapse_space

_BETWEEN = re.compile(r"\s*[,，、;；]\s*")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|—|~|～|to|至|到)\s*(-?\d+(?:\.\d+)?)", re.I)
_HALF_WIDTH = str.maketrans("０１２３４５６７８９．－？", "0123456789.-?")


class AnswerError(ValueError):
    """A typed answer that has not the form that was asked for; `key` is the word that says so."""

    def __init__(self, key: str, **values: int) -> None:
        super().__init__(key)
        self.key, self.values = key, values

    def said_in(self, language: Language) -> str:
        """The message for the person."""
        return word(self.key, language).format(**self.values)


@cache
def words(language: Language) -> dict[str, dict[str, str]]:
    """All texts of the interview: topic → `ask`, `help`, `example`; under `words` those that belong to no topic."""
    path = Path(__file__).with_name(f"interview_{language}.toml")
    return {topic: dict(texts) for topic, texts in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def word(name: str, language: Language) -> str:
    """A word or sentence that belongs to no topic."""
    return words(language)["words"][name]


def means(name: str, text: str) -> bool:
    """Whether `text` is the word `name` (or one of several with commas between) in any language."""
    said = text.strip().casefold()
    languages: tuple[Language, ...] = ("en", "zh")
    return any(said == one.strip() for language in languages for one in word(name, language).split(","))


def read_yes_no(text: str) -> bool:
    """Yes or no."""
    if not (means("yes", text) or means("no", text)):
        raise AnswerError("bad_yes_no")
    return means("yes", text)


def read_kind(text: str) -> str:
    """One of the kinds of output, by its number."""
    number, kinds = text.translate(_HALF_WIDTH).strip().rstrip(".。、"), list(OUTPUT_KINDS)
    if number not in map(str, range(1, len(kinds) + 1)):
        raise AnswerError("bad_choice")
    return kinds[int(number) - 1]


def read_labels(text: str) -> list[str]:
    """At least two different labels."""
    labels = [label for part in _BETWEEN.split(text.strip()) if (label := collapse_space(part.rstrip(".。")))]
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


def read_range(text: str) -> NumberOutput:
    """Lowest and highest number, and how many digits they have after the point."""
    found = _RANGE.fullmatch(text.translate(_HALF_WIDTH).strip())
    if not found or float(found[1]) >= float(found[2]):
        raise AnswerError("bad_range")
    decimals = max(len(part.partition(".")[2]) for part in found.groups())
    return NumberOutput(kind="number", minimum=float(found[1]), maximum=float(found[2]), decimals=min(decimals, 6))


def read_fields(text: str) -> dict[str, bool]:
    """Names of fields, and whether each must be filled."""
    parts = [collapse_space(part) for part in _BETWEEN.split(text.translate(_HALF_WIDTH).strip()) if part.strip()]
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
