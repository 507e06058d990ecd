"""Texts as people compare them: space collapsed, width and case normalised, and whether one occurs in another."""

import re
import unicodedata
from collections.abc import Sequence

_COMMON_FORMS = tuple(zip("，：；？！（）\u3000", ",:;?!() ", strict=True))
_WORD = re.compile(r"[a-z0-9]")
_GRAM = 5


def collapse_space(text: str) -> str:
    """`text` with every run of white space as one space and none around it."""
    return " ".join(text.split())


def shorten(text: str, length: int = 60) -> str:
    """`text` on one line, cut to `length` characters with an ellipsis, for use inside a message."""
    line = collapse_space(text)
    return line if len(line) <= length else line[: length - 1] + "…"


def listed(names: Sequence[str], most: int = 6) -> str:
    """`a, b, c, …`"""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def normalise(text: str) -> str:
    """`text` without differences nobody means: full width, case, and the amount of white space."""
    if not text.isascii():
        for form, plain in _COMMON_FORMS:  # as NFKC would; a text left without compatibility forms passes it ten times faster
            text = text.replace(form, plain)
        text = unicodedata.normalize("NFKC", text)
    return collapse_space(text.casefold())


def occurs_in(piece: str, text: str) -> bool:
    """Whether `piece` stands in `text` word for word, whatever the white space."""
    return collapse_space(piece) in collapse_space(text)


def occurs_as_words(piece: str, text: str) -> bool:
    """Whether `piece` stands in `text` (both normalised), not as a part of a Latin word or number."""
    start = text.find(piece)
    while start >= 0:
        end = start + len(piece)
        if not any(0 < edge < len(text) and _WORD.match(text[edge - 1]) and _WORD.match(text[edge]) for edge in (start, end)):
            return True
        start = text.find(piece, start + 1)
    return False


def copied_share(text: str, source: str) -> float:
    """Share of the character 5-grams of `text` that stand in `source`, both normalised, from 0 to 1."""
    first, second = normalise(text), normalise(source)
    grams = [first[start : start + _GRAM] for start in range(max(1, len(first) - _GRAM + 1))]
    length = len(grams[0])
    there = {second[start : start + length] for start in range(len(second) - length + 1)}
    return sum(gram in there for gram in grams) / len(grams)
