"""Which texts share members of their prefixes, and how many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.shingles import Hashes
from anytasktune.similarity.text_batches import Positions

_HEAVY = 2000
"""Members in common with others, repetitions included, from which a text is counted by itself."""

Shared = tuple[Positions, Positions, Positions]
"""The first and the second text of each pair, and how many members of their prefixes they share."""


@dataclass(frozen=True)
class Join:
    """Rare members of texts (5-grams, terms) next to where else they stand, text after text.

    Attributes:
        work: per text, how many places of its members lie ahead.
        firsts: per text, its first row below; one more at the end.
        ranges: for each member the places in `entries` of all texts that have it indexed, and among them of the text's own
            side; columns low, high, own low, own high.
        entries: texts with an indexed member, by member and side.
    """

    work: Positions
    firsts: Positions
    ranges: Positions
    entries: Positions

    @classmethod
    def of(cls, members: Hashes, owners: Positions, indexed: NDArray[np.bool_], sides: Positions) -> "Join":
        """Of texts with the given `sides`; `owners` and `indexed` go with `members`."""
        order = np.lexsort((sides[owners], members))
        members, owners, indexed = members[order], owners[order], indexed[order]
        entries = owners[indexed]
        fresh = np.concatenate([[True], members[1:] != members[:-1]])
        fresh_side = fresh | np.concatenate([[True], np.diff(sides[owners]) != 0])
        before = np.concatenate([[0], np.cumsum(indexed)])
        ranges = np.stack([before[edge] for edges in (_runs(fresh), _runs(fresh_side)) for edge in edges], axis=1)
        useful = np.flatnonzero(_counts(ranges))
        useful = useful[np.argsort(owners[useful], kind="stable")]
        ranges, owners = ranges[useful], owners[useful]
        work = np.bincount(owners, weights=_counts(ranges), minlength=len(sides)).astype(np.intp)
        firsts = np.searchsorted(owners, np.arange(len(sides) + 1))
        return cls(work, firsts, ranges, entries)

    def count(self, texts: slice, least: Positions) -> Shared:
        """Each of `texts` with texts of other sides with which it shares at least `least` (per text) members of prefixes."""
        numbers = np.arange(texts.start, texts.stop)
        heavy = self.work[texts] >= _HEAVY
        found = [self._count_by_sorting(numbers[~heavy]), *(self._count_by_place(number) for number in numbers[heavy].tolist())]
        first, second, shared = (np.concatenate(columns) for columns in zip(*found, strict=True))
        enough = shared >= least[first]
        return first[enough], second[enough], shared[enough]

    def _count_by_sorting(self, numbers: Positions) -> Shared:
        """For many texts that share little with others."""
        sizes = np.diff(self.firsts)[numbers]
        owners = np.repeat(numbers, sizes)
        rows = np.arange(len(owners)) + np.repeat(self.firsts[numbers] - np.cumsum(sizes) + sizes, sizes)
        low, _, own_low, own_high = self.ranges[rows].T
        counts = _counts(self.ranges[rows])
        places = np.arange(counts.sum()) + np.repeat(low - np.cumsum(counts) + counts, counts)
        places += np.where(places >= np.repeat(own_low, counts), np.repeat(own_high - own_low, counts), 0)
        codes = np.repeat(owners, counts) * len(self.work) + self.entries[places]
        codes.sort()
        starts = np.flatnonzero(np.concatenate([[len(codes) > 0], codes[1:] != codes[:-1]]))
        first, second = np.divmod(codes[starts], len(self.work))
        return first, second, np.diff(starts, append=len(codes))

    def _count_by_place(self, number: int) -> Shared:
        """For a text that shares much with texts near it in the list."""
        ranges = self.ranges[self.firsts[number] : self.firsts[number + 1]].tolist()
        found = np.concatenate(
            [
                self.entries[start:stop]
                for low, high, own_low, own_high in ranges
                for start, stop in ((low, own_low), (own_high, high))
            ]
        )
        base = found.min()
        shared = np.bincount(found - base)
        others = np.flatnonzero(shared)
        return np.full(len(others), number), others + base, shared[others]


def _counts(ranges: Positions) -> Positions:
    low, high, own_low, own_high = ranges.T
    counts: Positions = (high - low) - (own_high - own_low)
    return counts


def _runs(fresh: NDArray[np.bool_]) -> tuple[Positions, Positions]:
    """For every place, where its run begins and where it ends."""
    starts = np.flatnonzero(fresh)
    runs = np.cumsum(fresh) - 1
    return starts[runs], np.append(starts[1:], len(fresh))[runs]
