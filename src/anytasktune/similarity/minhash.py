"""MinHash signatures and their bands (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3).

A signature holds, for each of many permutations of all hashes, the least one a set has. Two sets agree at a place with the
probability of their Jaccard similarity, so similar sets agree somewhere in a whole band of places.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.shingles import Hashes, HashSets, Pairs, Positions, batches, in_threads

PERMUTATIONS = 128
RECALL = 0.999
"""Least probability that a pair at the threshold shares a band."""

_BATCH_HASHES = 1 << 16
_BUFFER = 1 << 19
_AT_ONCE = 1 << 15
_UNLIKELY = 4.0
"""Standard deviations below the threshold at which the agreement of two signatures rules a pair out."""
_PARAMETERS = np.random.RandomState(20240710).randint(0, 2**32, size=(2, PERMUTATIONS), dtype=np.uint32)
_FACTORS, _OFFSETS = (_PARAMETERS[0] | np.uint32(1))[:, None], _PARAMETERS[1][:, None]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_BYTES = np.uint64(0x0101010101010101)

Signatures = NDArray[np.uint32]


def signatures(sets: HashSets) -> Signatures:
    """MinHash signatures; shape (PERMUTATIONS, number of sets)."""
    found = np.empty((PERMUTATIONS, len(sets.sizes)), dtype=np.uint32)

    def fill(part: slice) -> None:
        places = np.arange(part.start, part.stop)
        values = (sets.take(places) >> np.uint64(32)).astype(np.uint32)
        starts = np.cumsum(sets.sizes[part]) - sets.sizes[part]
        step = min(PERMUTATIONS, max(1, _BUFFER // len(values)))
        buffer = np.empty((step, len(values)), dtype=np.uint32)
        for place in range(0, PERMUTATIONS, step):
            rows = slice(place, min(place + step, PERMUTATIONS))
            permuted = buffer[: rows.stop - place]
            np.multiply(values, _FACTORS[rows], out=permuted)
            permuted += _OFFSETS[rows]
            np.minimum.reduceat(permuted, starts, axis=1, out=found[rows, part])

    in_threads(fill, batches(sets.sizes, _BATCH_HASHES))
    return found


def rows_per_band(threshold: float) -> int:
    """Most signature places per band such that a pair at the threshold still shares a band with probability RECALL."""
    sizes = (size for size in range(PERMUTATIONS, 1, -1) if 1 - (1 - threshold**size) ** (PERMUTATIONS // size) >= RECALL)
    return next(sizes, 1)


def bands(marks: Signatures, threshold: float) -> Iterator["Buckets"]:
    """Per band the sets that agree in all its places."""
    rows = rows_per_band(threshold)
    for start in range(0, PERMUTATIONS - rows + 1, rows):
        keys = np.zeros(marks.shape[1], dtype=np.uint64)
        for row in marks[start : start + rows]:
            keys = (keys ^ row) * _MIX
            keys ^= keys >> np.uint64(31)
        yield Buckets.of(keys)


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
        """Place in `members` at which each bucket begins."""
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


class SignatureFilter:
    """Rules out pairs by one byte of each place of their signatures."""

    def __init__(self, marks: Signatures, threshold: float) -> None:
        self._bytes = np.ascontiguousarray(marks.astype(np.uint8).T).view(np.uint64)
        spread = _UNLIKELY * math.sqrt(PERMUTATIONS * threshold * max(0.0, 1 - threshold))
        self._least = math.floor(PERMUTATIONS * threshold - spread)

    def may_be_similar(self, pairs: Pairs) -> NDArray[np.bool_]:
        """False where signatures agree so seldom that a pair at the threshold would do so once in thirty thousand times."""

        def look(part: slice) -> NDArray[np.bool_]:
            differing = self._bytes[pairs[0][part]] ^ self._bytes[pairs[1][part]]
            agreeing = (differing.view(np.uint8) == 0).view(np.uint64).sum(axis=1, dtype=np.uint64)
            enough: NDArray[np.bool_] = (agreeing * _BYTES >> np.uint64(56)).astype(np.intp) >= self._least
            return enough

        looks = in_threads(look, [slice(start, start + _AT_ONCE) for start in range(0, len(pairs[0]), _AT_ONCE)])
        return np.concatenate(looks) if looks else np.zeros(0, dtype=np.bool_)
