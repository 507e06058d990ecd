"""Choices left to chance, decided by hashing: the same on every machine, in any order, after any interruption."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from anytasktune.ids import rank, shuffled

Thing = TypeVar("Thing")
Key = TypeVar("Key", bound=Hashable)


def apportion(total: int, weights: Mapping[Key, float], *, cover: bool = False) -> dict[Key, int]:
    """Whole shares of `total` by weight (largest remainders, the earlier key on a tie).

    Args:
        weights: above 0.
        cover: every key gets at least one, if `total` goes round.

    Returns:
        A count per key, in the order of `weights`; they sum to `total` (to 0 where there are no keys).
    """
    if not weights:
        return {}
    base = 1 if cover and total >= len(weights) else 0
    whole = sum(weights.values())
    wanting = {key: max(0.0, total * weight / whole - base) for key, weight in weights.items()}
    rest = total - base * len(weights)
    scale = rest / (sum(wanting.values()) or 1.0)
    shares = {key: int(wish * scale) for key, wish in wanting.items()}
    by_remainder = sorted(wanting, key=lambda key: shares[key] - wanting[key] * scale)
    for key in by_remainder[: rest - sum(shares.values())]:
        shares[key] += 1
    return {key: base + share for key, share in shares.items()}


def spread(counts: Mapping[Key, int], *parts: object) -> list[Key]:
    """Each key as often as its count says, spread evenly: any stretch holds the keys about in proportion.

    Within short blocks the order is shuffled, so that two sequences made this way do not keep step with each other.
    """
    total = sum(counts.values())
    wanted = {key: count for key, count in counts.items() if count}
    given = dict.fromkeys(wanted, 0)
    sequence: list[Key] = []
    for place in range(1, total + 1):
        key = max(wanted, key=lambda key: wanted[key] * place / total - given[key])
        given[key] += 1
        sequence.append(key)
    block = 2 * len(wanted) or 1
    blocks = [shuffled(sequence[start : start + block], *parts, start) for start in range(0, total, block)]
    return [key for one in blocks for key in one]


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
