"""The search for similar pairs: proposed by bands of signatures, looked at, measured, settled.

Many texts may share a band without being similar, for instance when most of each is the same boilerplate. Where comparing all
with a few of them does not settle such a crowd, its pairs are proposed by rare 5-grams instead (`crowds`), which misses none.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.buckets import Buckets, Pairs
from anytasktune.similarity.minhash import Glance, band_keys, signatures
from anytasktune.similarity.prefix_filter import Crowd
from anytasktune.similarity.shingles import Hashes, overlaps
from anytasktune.similarity.text_batches import Positions, in_threads
from anytasktune.similarity.union_find import Groups, UnionFind

CROWD = 256
"""Texts in one bucket from which on its pairs are not gone through one by one."""

_STARS = (0.0, 0.5, 0.99)
_GLANCES = 1 << 15
_MEASURED = 1 << 16
_WAITING = 1 << 21
_FEW = 1 << 16
"""Texts times characters up to which all pairs are measured at once."""
_HALF = np.uint64(32)


def settle_similar(texts: Sequence[str], threshold: float, settling: UnionFind) -> None:
    """Tell `settling` of similar pairs until no pair that still matters is known to be left.

    Args:
        texts: normalised, all different, of at least `SHORT_TEXT` characters; fewer than 2**32.
        threshold: Jaccard similarity.
    """
    sides = settling.sides()
    if len(texts) < 2 or sides[0] == sides[-1]:
        return
    if len(texts) * sum(map(len, texts)) <= _FEW:
        first, second = np.triu_indices(len(texts), 1)
        chosen = sides[first] != sides[second]
        _settle_measured(texts, threshold, settling, (first[chosen], second[chosen]))
    else:
        _Search(texts, threshold, settling).run()


class _Search:
    def __init__(self, texts: Sequence[str], threshold: float, settling: UnionFind) -> None:
        self.texts = texts
        self.threshold = threshold
        self.settling = settling
        self.marks = signatures(texts)
        self.glance = Glance(self.marks, threshold)
        self.dissimilar: Hashes = np.zeros(0, dtype=np.uint64)
        self.waiting: list[Hashes] = []
        self.crowds = Groups(len(texts))

    def run(self) -> None:
        for keys in band_keys(self.marks, self.threshold):
            self._settle_band(Buckets.of(keys))
        del self.marks
        self._settle_waiting()
        self._settle_crowds()

    def _settle_band(self, buckets: Buckets) -> None:
        for share in _STARS:
            buckets = buckets.mixed(self.settling.sides())
            self._measure(self._promising(buckets.star(share)))
        buckets = buckets.mixed(self.settling.sides())
        crowds = buckets.where(buckets.sizes > CROWD)
        self.crowds.settle(*crowds.star(0))
        for pairs in buckets.where((buckets.sizes > 2) & (buckets.sizes <= CROWD)).pairs():
            self.waiting.append(self._promising(pairs))
        if sum(map(len, self.waiting)) > _WAITING:
            self._settle_waiting()

    def _settle_waiting(self) -> None:
        if self.waiting:
            self._measure(np.concatenate(self.waiting))
            self.waiting.clear()

    def _settle_crowds(self) -> None:
        labels = self.crowds.labels
        crowded = np.flatnonzero(np.bincount(labels, minlength=len(labels))[labels] > 1)
        if not len(crowded):
            return
        crowded = crowded[np.argsort(labels[crowded], kind="stable")]
        crowd = Crowd([self.texts[number] for number in crowded.tolist()], labels[crowded], self.threshold)
        for pairs in crowd.pairs(self.settling.sides()[crowded]):
            chosen = self._look(crowded[pairs[0]], crowded[pairs[1]])
            first, second = pairs[0][chosen], pairs[1][chosen]
            reached = crowd.may_be_similar(first, second)
            self._measure(_pack(crowded[first[reached]], crowded[second[reached]]))

    def _promising(self, pairs: Pairs) -> Hashes:
        """Open pairs whose signatures do not rule them out, as one number each."""
        first, second = pairs
        chosen = self._look(first, second)
        return _pack(first[chosen], second[chosen])

    def _look(self, first: Positions, second: Positions) -> Positions:
        """Which pairs are open and not ruled out by their signatures."""
        chosen = np.flatnonzero(self.settling.open(first, second))

        def look(part: slice) -> NDArray[np.bool_]:
            return self.glance.may_be_similar(first[chosen[part]], second[chosen[part]])

        looks = in_threads(look, [slice(start, start + _GLANCES) for start in range(0, len(chosen), _GLANCES)])
        return chosen[np.concatenate(looks)] if looks else chosen

    def _measure(self, codes: Hashes) -> None:
        codes = _distinct(codes)
        if len(self.dissimilar):
            codes = codes[~_among(codes, self.dissimilar)]
        failed = [self.dissimilar]
        for start in range(0, len(codes), _MEASURED):
            part = codes[start : start + _MEASURED]
            first, second = _unpack(part)
            chosen = self.settling.open(first, second)
            similar = _settle_measured(self.texts, self.threshold, self.settling, (first[chosen], second[chosen]))
            failed.append(part[chosen][~similar])
        self.dissimilar = np.sort(np.concatenate(failed), kind="stable")  # merges what is sorted already


def _settle_measured(texts: Sequence[str], threshold: float, settling: UnionFind, pairs: Pairs) -> NDArray[np.bool_]:
    """Measure pairs exactly and hand on the similar ones; which they are."""
    first, second = pairs
    similar: NDArray[np.bool_] = overlaps(texts, first, second) >= threshold
    settling.settle(first[similar], second[similar])
    return similar


def _pack(first: Positions, second: Positions) -> Hashes:
    return np.minimum(first, second).astype(np.uint64) << _HALF | np.maximum(first, second).astype(np.uint64)


def _unpack(codes: Hashes) -> Pairs:
    return (codes >> _HALF).astype(np.intp), (codes & np.uint64(0xFFFFFFFF)).astype(np.intp)


def _distinct(codes: Hashes) -> Hashes:
    codes.sort()
    return codes[np.concatenate([[True], codes[1:] != codes[:-1]])] if len(codes) else codes


def _among(values: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """Which of `values` are in the sorted, non-empty `known`."""
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: NDArray[np.bool_] = known[places] == values
    return found
