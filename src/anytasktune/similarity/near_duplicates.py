"""Texts that say nearly the same: exact Jaccard similarity of character 5-grams, found quickly by MinHash.

Texts that agree in a band of their signatures are proposed; each proposal is then measured exactly, so a reported pair is
never a guess. A pair at the threshold is missed less than once in a thousand times. Many texts may share a band without being
similar, for instance when most of each is the same boilerplate: the pairs of such a crowd are proposed by rare 5-grams instead.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.minhash import SignatureFilter, bands, signatures
from anytasktune.similarity.prefix_filter import crowd_pairs
from anytasktune.similarity.shingles import SHORT_TEXT, Hashes, HashSets, Pairs, Positions, Shingles, grams, jaccard_of_pairs
from anytasktune.text.plain_text import normalise

AsSets = Callable[[Sequence[str]], tuple[Positions, HashSets]]
"""Gives the numbers of those normalised texts that can be similar to others without being equal, and these as sets."""

_CROWD = 256
"""Texts in one bucket from which on its pairs are not gone through one by one."""
_FEW = 1 << 16
"""Texts times hashes up to which all pairs are measured at once."""
_STAR = 4
"""Texts in one bucket from which on all are compared with a few of them first."""
_STAR_CENTRES = (0.0, 0.5, 0.99)
_MEASURED = 1 << 14
_PROPOSED = 1 << 21
_HALF = np.uint64(32)
_ROUNDING = 1e-9


def group_similar(texts: Sequence[str], threshold: float) -> list[int]:
    """Groups of texts that belong together, directly or through others between them.

    Args:
        texts: the texts, in any order; the grouping does not depend on it.
        threshold: Jaccard similarity from which two texts belong together. Texts shorter than `SHORT_TEXT` characters
            belong together only when they are equal after `normalise`.

    Returns:
        One number per text, the position of the first text of its group.
    """
    return group_by_sets(texts, threshold, _shingles)


def match_similar(texts: Sequence[str], references: Sequence[str], threshold: float) -> list[int | None]:
    """For each text the position of the first reference that is equal, else of the first similar one (as in `group_similar`).

    None where there is neither.
    """
    return match_by_sets(texts, references, threshold, _shingles)


def _shingles(texts: Sequence[str]) -> tuple[Positions, HashSets]:
    long = [place for place, text in enumerate(texts) if len(text) >= SHORT_TEXT]
    return np.array(long, dtype=np.intp), Shingles([texts[place] for place in long])


def group_by_sets(texts: Sequence[str], threshold: float, as_sets: AsSets) -> list[int]:
    """`group_similar` for any kind of sets."""
    labels, firsts = _distinct(texts)
    places, sets = as_sets(list(firsts))
    groups = Groups(len(places))
    settle_similar(sets, threshold, groups)
    first_of_group = np.arange(len(firsts))
    first_of_group[places] = places[groups.labels]
    heads = np.fromiter(firsts.values(), dtype=np.intp, count=len(firsts))
    grouped: list[int] = heads[first_of_group][labels].tolist()
    return grouped


def match_by_sets(texts: Sequence[str], references: Sequence[str], threshold: float, as_sets: AsSets) -> list[int | None]:
    """`match_similar` for any kind of sets."""
    _, known = _distinct(references)
    labels, ours = _distinct(texts)
    unknown = [text for text in ours if text not in known]
    places, sets = as_sets([*known, *unknown])
    matches = Matches(int(np.searchsorted(places, len(known))), len(places))
    settle_similar(sets, threshold, matches)
    heads = list(known.values())
    found = {
        unknown[place - len(known)]: heads[places[match]]
        for place, match in zip(places[matches.references :].tolist(), matches.found.tolist(), strict=True)
        if match < matches.references
    }
    answers = [known.get(text, found.get(text)) for text in ours]
    return [answers[label] for label in labels.tolist()]


def _distinct(texts: Iterable[str]) -> tuple[Positions, dict[str, int]]:
    """For every text the number of its normalised form, and where each form stands first."""
    firsts: dict[str, int] = {}
    numbers: dict[str, int] = {}
    labels = []
    for place, text in enumerate(map(normalise, texts)):
        firsts.setdefault(text, place)
        labels.append(numbers.setdefault(text, len(numbers)))
    return np.array(labels, dtype=np.intp), firsts


class Outcome(Protocol):
    """Result of comparisons so far; a pair is open while finding it similar would change that."""

    def open(self, first: Positions, second: Positions) -> NDArray[np.bool_]: ...

    def sides(self) -> Positions:
        """A number per text; pairs within one number are not open."""

    def settle(self, first: Positions, second: Positions) -> None:
        """Take in pairs found similar."""


class Groups:
    """Union-find: texts that belong together through chains of similar ones; `labels` leads to the first of each group."""

    def __init__(self, count: int) -> None:
        self.labels: Positions = np.arange(count)

    def open(self, first: Positions, second: Positions) -> NDArray[np.bool_]:
        differing: NDArray[np.bool_] = self.labels[first] != self.labels[second]
        return differing

    def sides(self) -> Positions:
        return self.labels

    def settle(self, first: Positions, second: Positions) -> None:
        labels = self.labels
        one, two = labels[first], labels[second]
        while len(apart := np.flatnonzero(one != two)):
            one, two = one[apart], two[apart]
            np.minimum.at(labels, np.maximum(one, two), np.minimum(one, two))
            while not np.array_equal(shorter := labels[labels], labels):
                labels[:] = shorter
            one, two = labels[one], labels[two]

    def of_several(self) -> Iterator[Positions]:
        """The members of every group of more than one text."""
        order = np.argsort(self.labels, kind="stable")
        heads, sizes = np.unique(self.labels, return_counts=True)
        starts = np.searchsorted(self.labels[order], heads[sizes > 1])
        return (order[start : start + size] for start, size in zip(starts, sizes[sizes > 1], strict=True))


class Matches:
    """References (the first numbers) and texts (the others): the first reference that is similar to each text.

    Attributes:
        found: per text the number of a reference, or `references` as long as there is none.
    """

    def __init__(self, references: int, count: int) -> None:
        self.references = references
        self.found: Positions = np.full(count - references, references)

    def open(self, first: Positions, second: Positions) -> NDArray[np.bool_]:
        low, high = np.minimum(first, second), np.maximum(first, second) - self.references
        better: NDArray[np.bool_] = (high >= 0) & (low < self.references)
        better[better] = low[better] < self.found[high[better]]
        return better

    def sides(self) -> Positions:
        return (np.arange(self.references + len(self.found)) >= self.references).astype(np.intp)

    def settle(self, first: Positions, second: Positions) -> None:
        low, high = np.minimum(first, second), np.maximum(first, second) - self.references
        np.minimum.at(self.found, high, low)


def settle_similar(sets: HashSets, threshold: float, outcome: Outcome) -> None:
    """Tell `outcome` of similar pairs until no pair that still matters is known to be left; for fewer than 2**32 sets."""
    count, sides = len(sets.sizes), outcome.sides()
    if count < 2 or sides[0] == sides[-1]:
        return
    search = _Search(sets, threshold, outcome)
    if count * int(sets.sizes.sum()) <= _FEW:
        search.measure(np.triu_indices(count, 1))
    else:
        search.run()


class _Search:
    def __init__(self, sets: HashSets, threshold: float, outcome: Outcome) -> None:
        self.sets = sets
        self.threshold = threshold
        self.outcome = outcome
        self.proposed: list[Hashes] = []
        self.crowds = Groups(len(sets.sizes))

    def run(self) -> None:
        """Go through the bands, then through pairs of small buckets, then through crowds."""
        marks = signatures(self.sets)
        self.filter = SignatureFilter(marks, self.threshold)
        for band in bands(marks, self.threshold):
            buckets = band.mixed(self.outcome.sides())
            large = buckets.where(buckets.sizes >= _STAR)
            for share in _STAR_CENTRES:
                self.measure(self.promising(large.star(share)))
                large = large.mixed(self.outcome.sides())
            self.crowds.settle(*large.where(large.sizes > _CROWD).star(0))
            for part in (buckets.where(buckets.sizes < _STAR), large.where(large.sizes <= _CROWD)):
                self.proposed += [_pack(self.promising(pairs)) for pairs in part.pairs()]
            if sum(map(len, self.proposed)) > _PROPOSED:
                self.measure_proposed()
        self.measure_proposed()
        for crowd in self.crowds.of_several():
            for pairs in crowd_pairs(self.sets, crowd, self.threshold):
                self.measure(self.promising(pairs))

    def promising(self, pairs: Pairs) -> Pairs:
        """Open pairs whose signatures do not rule them out."""
        pairs = _where(pairs, self.outcome.open(*pairs))
        return _where(pairs, self.filter.may_be_similar(pairs))

    def measure_proposed(self) -> None:
        """Measure each proposed pair once."""
        if self.proposed:
            codes = np.unique(np.concatenate(self.proposed))
            self.proposed.clear()
            self.measure(((codes >> _HALF).astype(np.intp), (codes & np.uint64(0xFFFFFFFF)).astype(np.intp)))

    def measure(self, pairs: Pairs) -> None:
        """Settle those of the pairs that are open and similar."""
        for start in range(0, len(pairs[0]), _MEASURED):
            part = pairs[0][start : start + _MEASURED], pairs[1][start : start + _MEASURED]
            part = _where(part, self.outcome.open(*part))
            self.outcome.settle(*_where(part, jaccard_of_pairs(self.sets, part) >= self.threshold))


def _where(pairs: Pairs, chosen: NDArray[np.bool_]) -> Pairs:
    return pairs[0][chosen], pairs[1][chosen]


def _pack(pairs: Pairs) -> Hashes:
    return np.minimum(*pairs).astype(np.uint64) << _HALF | np.maximum(*pairs).astype(np.uint64)


class KeptTexts:
    """Those of the given texts that were kept so far, and which of them are similar to one more.

    Two sets of 5-grams that overlap by a share t cannot differ in their rarest members: if one has n of them, the other has one
    of its n - ceil(t n) + 1 rarest (prefix filtering: Bayardo, Ma, Srikant 2007). So even where thousands of texts have most of
    their words in common, only few are looked at closely.

    Args:
        texts: all that may be kept or looked for.
        threshold: as in `group_similar`.
    """

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self._threshold = threshold
        groups = group_similar(texts, threshold)
        sizes = Counter(groups)
        self._grams = {place: grams(texts[place]) for place, group in enumerate(groups) if sizes[group] > 1}
        self._frequency = Counter(gram for found in self._grams.values() for gram in found)
        self._kept: dict[str, list[int]] = {}

    def keep(self, place: int) -> None:
        """Keep the text at a place."""
        for gram in self._rarest(place):
            self._kept.setdefault(gram, []).append(place)

    def similar(self, place: int) -> Iterator[tuple[int, float]]:
        """Places of kept texts similar to the one at `place`, with their similarity, in ascending order."""
        ours = self._grams.get(place, frozenset())
        for other in sorted({found for gram in self._rarest(place) for found in self._kept.get(gram, ())}):
            theirs = self._grams[other]
            if min(len(ours), len(theirs)) >= self._threshold * max(len(ours), len(theirs)):
                common = len(ours & theirs)
                value = common / (len(ours) + len(theirs) - common)
                if value >= self._threshold:
                    yield other, value

    def _rarest(self, place: int) -> Sequence[str]:
        found = self._grams.get(place, frozenset())
        wanted = len(found) - math.ceil(self._threshold * len(found) - _ROUNDING) + 1
        return sorted(found, key=lambda gram: (self._frequency[gram], gram))[:wanted]
