"""Choices left to chance, decided by hashing: the same on every machine, in any order, after any interruption."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from anytasktune.ids import rank

Thing = TypeVar("Thing")
Key = TypeVar("Key", bound=Hashable)


class Turns:
    """Keys taken in turns by weight, each time the one that is furthest behind its share.

    A sequence does not depend on how long it is to become: the turns of 60 rows are the first turns of 80.
    """

    def __init__(self) -> None:
        self._total: Counter[Hashable] = Counter()
        self._given: Counter[tuple[Hashable, Hashable]] = Counter()

    def take(self, weights: Mapping[Key, float], *groups: Hashable, cover: bool = False) -> Key:
        """The next key, counted in each of these groups; the earlier one on a tie.

        Args:
            weights: shares above 0 that sum to 1.
            groups: the key is taken that is furthest behind its share of these groups, all together.
            cover: keys that the first group has not had yet come before all others.
        """
        fresh = [key for key in weights if not self._given[groups[0], key]] if cover else []

        def behind(key: Key) -> float:
            return sum(weights[key] * (self._total[group] + 1) - self._given[group, key] for group in groups)

        taken = max(fresh or weights, key=behind)
        for group in groups:
            self._total[group] += 1
            self._given[group, taken] += 1
        return taken


class Chance:
    """Choices that depend on nothing but what the stream was made `of`, and on how many were made before."""

    def __init__(self, *of: object) -> None:
        self._of = of
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1; `limit` is at least 1."""
        self._drawn += 1
        return int.from_bytes(rank(*self._of, self._drawn), "big") % limit

    def pick(self, items: Sequence[Thing]) -> Thing:
        """One of `items`, of which there is at least one."""
        return items[self.below(len(items))]

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`, in steps of a thousandth of the way."""
        return low + (high - low) * self.below(1001) / 1000

    def shuffled(self, items: Sequence[Thing]) -> list[Thing]:
        """All of `items` in another order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(len(rest))]
