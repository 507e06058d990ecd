"""Short texts that differ in nothing that is meant, or in one character.

Below `similarity.SHORT_TEXT` characters n-grams say little: there texts are compared letter by letter. A pair one edit apart
shares a text with one character deleted (Bocek, Hunt and Stiller 2007, "Fast similarity search in large dictionaries").
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from anytasktune.similarity import SHORT_TEXT, normalise

_FEWEST_LETTERS = 8
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,:/-](?=\d)")
_MEANS_SOMETHING = frozenset("%#@&*/")


def skeleton(text: str) -> str:
    """`text` normalised and without white space and punctuation, but for what stands between digits; symbols stay."""
    plain = normalise(text)
    kept = {match.start() for match in _BETWEEN_DIGITS.finditer(plain)}
    return "".join(char for place, char in enumerate(plain) if place in kept or _is_meant(char))


def _is_meant(char: str) -> bool:
    return char in _MEANS_SOMETHING or unicodedata.category(char)[0] not in "PZC"


def match_one_edit(texts: Sequence[str], references: Sequence[str]) -> list[int | None]:
    """For each short text the first reference whose skeleton is the same or one letter away, else None.

    A changed digit makes another text, and skeletons of under eight characters must be the same.
    """
    known: dict[str, int] = {}
    for index, reference in enumerate(references):
        for form in _forms(skeleton(reference)):
            known.setdefault(form, index)
    return [_match(skeleton(text), known, references) if len(normalise(text)) < SHORT_TEXT else None for text in texts]


def _match(bones: str, known: dict[str, int], references: Sequence[str]) -> int | None:
    places = (known[form] for form in _forms(bones) if form in known)
    return next((place for place in places if _digits(bones) == _digits(skeleton(references[place]))), None)


def _forms(bones: str) -> Iterator[str]:
    """The skeleton, and each with one character deleted: two texts one edit apart have one in common."""
    if bones:
        yield bones
    if _FEWEST_LETTERS <= len(bones) < SHORT_TEXT:
        yield from (bones[:place] + bones[place + 1 :] for place in range(len(bones)))


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)
