"""Texts that agree in a band, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.shingles import Hashes
from anytasktune.similarity.text_batches import Positions

Pairs = tuple[Positions, Positions]
"""The first and the second text of each pair, by number."""


@dataclass(frozen=True)
class Buckets:
    """Runs of texts with equal keys.

    Attributes:
        members: texts, bucket after bucket, ascending in each.
        sizes: texts per bucket, at least two.
    """

    members: Positions
    sizes: Positions

    @classmethod
    def of(cls, keys: Hashes) -> "Buckets":
        """By all but the last bits of the keys, which give way to the texts' numbers."""
        bits = np.uint64(len(keys).bit_length())
        packed = (keys >> bits << bits) | np.arange(len(keys), dtype=np.uint64)
        packed.sort()
        heads = packed >> bits
        members = (packed ^ (heads << bits)).astype(np.intp)
        starts = np.flatnonzero(np.concatenate([[True], heads[1:] != heads[:-1]]))
        sizes = np.diff(starts, append=len(keys))
        return cls(members, sizes).where(sizes > 1)

    @property
    def starts(self) -> Positions:
        """Where each bucket begins in `members`."""
        return np.cumsum(self.sizes) - self.sizes

    def where(self, chosen: NDArray[np.bool_]) -> "Buckets":
        """Only the chosen buckets."""
        return Buckets(self.members[np.repeat(chosen, self.sizes)], self.sizes[chosen])

    def mixed(self, sides: Positions) -> "Buckets":
        """Only buckets with texts of several sides."""
        if not len(self.sizes):
            return self
        theirs, starts = sides[self.members], self.starts
        return self.where(np.minimum.reduceat(theirs, starts) != np.maximum.reduceat(theirs, starts))

    def star(self, share: float) -> Pairs:
        """In every bucket the member at `share` of its length (below 1) with all members."""
        centres = self.starts + (self.sizes * share).astype(np.intp)
        return np.repeat(self.members[centres], self.sizes), self.members

    def pairs(self) -> Iterator[Pairs]:
        """All pairs, those at the same distance within their buckets at a time."""
        places = np.arange(len(self.members))
        left = np.repeat(self.starts + self.sizes, self.sizes) - places - 1
        for distance in range(1, int(self.sizes.max(initial=0))):
            places = places[left[places] >= distance]
            yield self.members[places], self.members[places + distance]
