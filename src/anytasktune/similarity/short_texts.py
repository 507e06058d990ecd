"""Texts that differ in nothing but white space and punctuation, and short ones that differ in one character or a greeting.

Below `similarity.SHORT_TEXT` characters n-grams say little: there texts are compared letter by letter. A pair one edit apart
shares a text with one character deleted (Bocek, Hunt and Stiller 2007, "Fast similarity search in large dictionaries").
"""

import re
import unicodedata
from collections.abc import Iterator

from anytasktune.text.plain_text import normalise

_FEWEST_LETTERS, _MOST_LETTERS = 8, 32
_CONTAINED = 0.7
"""Share of a text that another must be to be the same with something around it."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,:/-](?=\d)")
_PROTECTED = 0xE000
"""First of the private-use characters that stand for punctuation that is kept."""
_MEANS_SOMETHING = frozenset("%#@&*/")


class _Kept(dict[int, str | None]):
    """The character that each one is replaced by, worked out when it is first met."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        meant = char.isalnum() or char in _MEANS_SOMETHING or unicodedata.category(char)[0] not in "PZC"
        self[code] = char if meant else None
        return self[code]


_KEPT = _Kept({_PROTECTED + ord(char): char for char in ".,:/-"})


def skeleton(text: str) -> str:
    """`text` normalised and without white space and punctuation, but for what stands between digits; symbols stay."""
    plain = normalise(text)
    return _BETWEEN_DIGITS.sub(lambda match: chr(_PROTECTED + ord(match.group())), plain).translate(_KEPT)


class ShortTexts:
    """Skeletons of short texts by what they are with one character left out, and with something around them left out."""

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}
        self._bones: dict[int, str] = {}

    def add(self, bones: str, number: int) -> None:
        """Remember a text by its skeleton under a number; long ones are passed over."""
        if len(bones) <= _MOST_LETTERS:
            self._bones[number] = bones
            for form in _one_left_out(bones):
                self._known.setdefault(form, []).append(number)

    def alike(self, bones: str) -> Iterator[int]:
        """Numbers of remembered texts that are this one, it with one letter changed, or it without something around it.

        A changed digit makes another text.
        """
        digits = _digits(bones)
        forms = dict.fromkeys([*_one_left_out(bones), *_inside(bones)])
        for number in dict.fromkeys(number for form in forms for number in self._known.get(form, ())):
            other = self._bones[number]
            if _digits(other) == digits and abs(len(other) - len(bones)) <= (1 - _CONTAINED) * len(bones):
                yield number


def _one_left_out(bones: str) -> Iterator[str]:
    if bones:
        yield bones
    if _FEWEST_LETTERS <= len(bones) <= _MOST_LETTERS:
        yield from (bones[:place] + bones[place + 1 :] for place in range(len(bones)))


def _inside(bones: str) -> Iterator[str]:
    """Long pieces of a text, the text itself left out."""
    size = len(bones)
    if size <= _MOST_LETTERS / _CONTAINED:
        for length in range(max(_FEWEST_LETTERS, int(_CONTAINED * size)), size):
            yield from (bones[start : start + length] for start in range(size - length + 1))


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def one_edit_apart(first: str, second: str) -> bool:
    """Whether one letter less, more, other or swapped with the next turns one skeleton into the other; no digit may change."""
    if abs(len(first) - len(second)) > 1 or _digits(first) != _digits(second):
        return False
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    end = 0
    while end < min(len(first), len(second)) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    one, two = first[start : len(first) - end], second[start : len(second) - end]
    return max(len(one), len(two)) <= 1 or (len(one) == len(two) == 2 and one == two[::-1])
