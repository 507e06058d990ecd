"""Texts kept so far, and which of them are similar to one more.

Two sets of 5-grams that overlap by a share t cannot differ in their rarest members: if one has n of them, the other has one of
its n - ceil(t n) + 1 rarest (prefix filtering: Bayardo, Ma, Srikant 2007). So even where thousands of texts have most of their
words in common, only few are looked at closely.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from anytasktune.similarity import SHINGLE
from anytasktune.text.plain_text import normalise

_ROUNDING = 1e-9


class KeptTexts:
    """Some of the given texts, by their place.

    Args:
        texts: all that may be added or looked for, by place.
        threshold: Jaccard similarity of character 5-grams from which texts are found.
    """

    def __init__(self, texts: dict[int, str], threshold: float) -> None:
        self._threshold = threshold
        self._grams = {place: _grams(text) for place, text in texts.items()}
        self._frequency = Counter(gram for grams in self._grams.values() for gram in grams)
        self._kept: dict[str, list[int]] = {}

    def add(self, place: int) -> None:
        """Keep a text."""
        for gram in self._rarest(place):
            self._kept.setdefault(gram, []).append(place)

    def similar(self, place: int) -> Iterator[tuple[int, float]]:
        """Kept texts similar to this one, with their similarity, in the order they were kept."""
        ours = self._grams[place]
        for other in sorted({found for gram in self._rarest(place) for found in self._kept.get(gram, ())}):
            value = _overlap(ours, self._grams[other], self._threshold)
            if value >= self._threshold:
                yield other, value

    def _rarest(self, place: int) -> Sequence[str]:
        grams = self._grams[place]
        wanted = len(grams) - math.ceil(self._threshold * len(grams) - _ROUNDING) + 1
        return sorted(grams, key=lambda gram: (self._frequency[gram], gram))[:wanted]


def _grams(text: str) -> frozenset[str]:
    plain = normalise(text)
    return frozenset(plain[start : start + SHINGLE] for start in range(max(1, len(plain) - SHINGLE + 1)))


def _overlap(first: frozenset[str], second: frozenset[str], enough: float) -> float:
    """Jaccard similarity; 0 where the sizes alone rule out that it is `enough`."""
    if min(len(first), len(second)) < enough * max(len(first), len(second)):
        return 0.0
    common = len(first & second)
    return common / (len(first) + len(second) - common)
