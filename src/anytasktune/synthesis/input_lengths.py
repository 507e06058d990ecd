"""How long inputs are: what short, medium and long mean for a task, taken from its seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from anytasktune.records import Language
from anytasktune.schema import Example

Length = Literal["short", "medium", "long"]
_CHARACTERS_OF_A_WORD = 6
_QUANTILES = (0.05, 0.35, 0.65, 0.95)
_WITHOUT_DATA = {"en": (60, 160, 320, 600), "zh": (20, 60, 120, 240)}
_SHORTEST_EXCERPT = 80
_FEWEST_DATA = 4


@dataclass(frozen=True)
class Lengths:
    """Characters an input has: edges between short, medium and long, from the shortest to the longest."""

    edges: tuple[int, int, int, int]
    names: ClassVar[tuple[Length, Length, Length]] = ("short", "medium", "long")

    @classmethod
    def of(cls, seeds: Sequence[Example], language: Language) -> "Lengths":
        """From quantiles of the seeds' inputs; usual ones where there are too few."""
        sizes = sorted(len(seed.input) for seed in seeds)
        if len(sizes) < _FEWEST_DATA:
            first, second, third, last = _WITHOUT_DATA[language]
        else:
            first, second, third, last = (sizes[round(share * (len(sizes) - 1))] for share in _QUANTILES)
        return cls((first, second, third, last))

    def name_of(self, text: str) -> Length:
        """Whether an input is short, medium or long."""
        return self.names[(len(text) > self.edges[1]) + (len(text) > self.edges[2])]

    def range_of(self, length: str) -> tuple[int, int]:
        """Characters of an input of this length; of any where it is not said."""
        if length not in self.names:
            return self.edges[0], self.edges[-1]
        place = self.names.index(length)
        return self.edges[place], self.edges[place + 1]

    def in_words(self, length: str, language: Language) -> tuple[int, int]:
        """The same as a person would say it: words in English, characters in Chinese, rounded; the upper one is larger."""
        low, high = self.range_of(length)
        unit = _CHARACTERS_OF_A_WORD if language == "en" else 1
        first, last = _rounded(low / unit), _rounded(high / unit)
        return first, max(last, first + max(2, first // 4))


def _rounded(number: float) -> int:
    step = 1 if number < 10 else 5 if number < 100 else 10
    return max(1, round(number / step) * step)


def excerpt_lengths(seeds: Sequence[Example], language: Language) -> tuple[int, int]:
    """Fewest and most characters of a stretch of a document that is an input like the seeds'."""
    shortest, _, _, longest = Lengths.of(seeds, language).edges
    return shortest, max(longest, _SHORTEST_EXCERPT)
