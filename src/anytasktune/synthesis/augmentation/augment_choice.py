"""A stream of choices that are left to chance."""

from collections.abc import Sequence
from typing import TypeVar

from anytasktune.synthesis.seeded_choice import rank

Item = TypeVar("Item")


class Chance:
    """Choices that depend on nothing but what the stream was made `of`, and on how many were made before."""

    def __init__(self, *of: object) -> None:
        self._of = of
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1; `limit` is at least 1."""
        self._drawn += 1
        return int.from_bytes(rank(*self._of, self._drawn), "big") % limit

    def pick(self, items: Sequence[Item]) -> Item:
        """One of `items`, of which there is at least one."""
        return items[self.below(len(items))]

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`, in steps of a thousandth of the way."""
        return low + (high - low) * self.below(1001) / 1000

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """All of `items` in another order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(len(rest))]
