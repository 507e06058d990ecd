"""Pairs of a crowd by prefix filtering (Bayardo, Ma, Srikant 2007: All-Pairs; Xiao, Wang, Lin, Yu 2008: PPJoin).

Two sets that overlap enough cannot differ in their rarest members. Let p(x) of the 5-grams of x, in one order for all texts, be
its prefix; if x and y share a 5-grams, their prefixes share min(a - |x| + p(x), a - |y| + p(y)) or more, and J(x, y) >= t means
a >= t / (1 + t) (|x| + |y|). Boilerplate is not rare in its own crowd, so it stands at the end and proposes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.buckets import Pairs
from anytasktune.similarity.pair_join import Join
from anytasktune.similarity.shingles import SHINGLE, Hashes, shingles
from anytasktune.similarity.text_batches import Positions, batches, in_threads

_BATCH_CHARACTERS = 1 << 20
_BATCH_TEXTS = 1 << 12
_SLOTS = 22
_RARITY_BITS, _TEXT_BITS = 6, 13
_COUNTED = 1 << 25
_PAIRS = 1 << 20
_AT_ONCE = 16
_TABLE = 20
_LOOKS = 1 << 13
_SPARE = 20
_ROUNDING = 1e-9
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class _Prefixes:
    """Rare 5-grams with the text they stand in.

    Attributes:
        grams: what is to be shared, crowd included.
        owners: places in the list of crowded texts.
        indexed: whether the 5-gram is in the shorter prefix, which is enough for the smaller text of a pair.
        sizes: different 5-grams per text.
        slots: a table's place for every different 5-gram, text after text.
        probing, indexing: lengths of the two prefixes per text.
    """

    grams: Hashes
    owners: Positions
    indexed: NDArray[np.bool_]
    sizes: Positions
    slots: NDArray[np.uint32]
    probing: Positions
    indexing: Positions


class Crowd:
    """Texts in crowds: which of them may be similar."""

    def __init__(self, texts: Sequence[str], crowds: Positions, threshold: float) -> None:
        """`crowds` gives the crowd of each of the normalised `texts`; texts of one crowd had better stand together."""
        self.threshold = threshold
        self._prefixes = _prefixes(texts, crowds, threshold)
        self._starts = np.cumsum(self._prefixes.sizes) - self._prefixes.sizes

    def pairs(self, sides: Positions) -> Iterator[Pairs]:
        """Pairs of texts of one crowd and different sides, by their places: every one that reaches the threshold and others.

        Each comes once or, if both have equally many 5-grams, twice; the texts with most pairs in common come together.
        """
        prefixes = self._prefixes
        join = Join.of(prefixes.grams, prefixes.owners, prefixes.indexed, sides)
        least = 1 + np.ceil(self.threshold * prefixes.sizes - _ROUNDING).astype(np.intp) // _SPARE
        parts = batches(join.work, _PAIRS, _PAIRS)
        for start in range(0, len(parts), _AT_ONCE):
            counted = in_threads(lambda part: self._reaching(*join.count(part, least)), parts[start : start + _AT_ONCE])
            larger, smaller = (np.concatenate(columns) for columns in zip(*counted, strict=True))
            yield larger, smaller

    def _reaching(self, larger: Positions, smaller: Positions, shared: Positions) -> Pairs:
        enough = _overlap_enough(self._prefixes, larger, smaller, shared, self.threshold)
        return larger[enough], smaller[enough]

    def may_be_similar(self, first: Positions, second: Positions) -> NDArray[np.bool_]:
        """False for nearly every pair below the threshold; `first` should be sorted."""
        edges = np.flatnonzero(np.diff(first, prepend=-1, append=-1))
        parts = batches(np.diff(edges), _LOOKS)
        looks = in_threads(lambda part: self._look(first, second, edges[part.start : part.stop + 1]), parts)
        return np.concatenate(looks) if looks else np.zeros(0, dtype=np.bool_)

    def _look(self, first: Positions, second: Positions, edges: Positions) -> NDArray[np.bool_]:
        """Count 5-grams of the others in a table of those of each first one: equal slots are no less than equal 5-grams."""
        table = np.zeros(1 << _TABLE, dtype=np.uint8)
        sizes, slots = self._prefixes.sizes, self._prefixes.slots
        hits = np.empty(edges[-1] - edges[0], dtype=np.intp)
        for low, high in pairwise(edges.tolist()):
            one, others = first[low], second[low:high]
            ours = slots[self._starts[one] : self._starts[one] + sizes[one]]
            table[ours] = 1
            counts = sizes[others]
            offsets = np.cumsum(counts) - counts
            places = np.arange(int(counts.sum())) + np.repeat(self._starts[others] - offsets, counts)
            hits[low - edges[0] : high - edges[0]] = np.add.reduceat(table[slots[places]], offsets, dtype=np.intp)
            table[ours] = 0
        unions = sizes[first[edges[0] : edges[-1]]] + sizes[second[edges[0] : edges[-1]]] - hits
        reached: NDArray[np.bool_] = hits >= self.threshold * unions - _ROUNDING
        return reached


def _overlap_enough(
    prefixes: _Prefixes, larger: Positions, smaller: Positions, shared: Positions, threshold: float
) -> NDArray[np.bool_]:
    sizes = prefixes.sizes[larger], prefixes.sizes[smaller]
    overlap = np.ceil(threshold / (1 + threshold) * (sizes[0] + sizes[1]) - _ROUNDING)
    needed = np.minimum(overlap - sizes[0] + prefixes.probing[larger], overlap - sizes[1] + prefixes.indexing[smaller])
    enough: NDArray[np.bool_] = (sizes[1] <= sizes[0]) & (overlap <= sizes[1]) & (shared >= needed)
    return enough


def _prefixes(texts: Sequence[str], crowds: Positions, threshold: float) -> _Prefixes:
    lengths = np.fromiter((len(text) - SHINGLE + 1 for text in texts), dtype=np.intp, count=len(texts))
    parts = batches(lengths, _BATCH_CHARACTERS, _BATCH_TEXTS)
    salts = crowds.astype(np.uint64) * _MIX
    rarity = _rarity(texts, salts, parts, lengths)

    def take(part: slice) -> _Prefixes:
        return _rarest(texts[part], salts[part], rarity, threshold)

    found = in_threads(take, parts)
    return _Prefixes(
        grams=np.concatenate([one.grams for one in found]),
        owners=np.concatenate([one.owners + part.start for one, part in zip(found, parts, strict=True)]),
        indexed=np.concatenate([one.indexed for one in found]),
        sizes=np.concatenate([one.sizes for one in found]),
        slots=np.concatenate([one.slots for one in found]),
        probing=np.concatenate([one.probing for one in found]),
        indexing=np.concatenate([one.indexing for one in found]),
    )


def _salted(texts: Sequence[str], salts: Hashes) -> tuple[Hashes, Positions]:
    hashes, counts = shingles(texts)
    return (hashes ^ np.repeat(salts, counts)) * _MIX, counts


def _rarity(texts: Sequence[str], salts: Hashes, parts: Sequence[slice], lengths: Positions) -> NDArray[np.uint8]:
    """How often 5-grams occur, as a coarse logarithm, by the first bits of their hash; counted on a sample of a large crowd."""
    counts = np.zeros(1 << _SLOTS, dtype=np.int64)
    stride = max(1, int(lengths.sum()) // _COUNTED)
    for part in parts[::stride]:
        hashes, _ = _salted(texts[part], salts[part])
        counts += np.bincount((hashes >> np.uint64(64 - _SLOTS)).astype(np.intp), minlength=len(counts))
    return np.minimum(np.log2(counts + 1) * 2.5, (1 << _RARITY_BITS) - 1).astype(np.uint8)


def _rarest(texts: Sequence[str], salts: Hashes, rarity: NDArray[np.uint8], threshold: float) -> _Prefixes:
    """One sort by (text, rarity, 5-gram) finds the different 5-grams and puts the rare ones first."""
    hashes, counts = _salted(texts, salts)
    rank = rarity[(hashes >> np.uint64(64 - _SLOTS)).astype(np.intp)].astype(np.uint64)
    rank = (rank << np.uint64(64 - _RARITY_BITS)) | (hashes >> np.uint64(_RARITY_BITS))
    low = np.uint64(_TEXT_BITS)
    keys = np.repeat(np.arange(len(texts), dtype=np.uint64) << (np.uint64(64) - low), counts) | (rank >> low)
    keys.sort()
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    owners = (keys >> (np.uint64(64) - low)).astype(np.intp)
    sizes = np.bincount(owners, minlength=len(texts))
    ranks = np.arange(len(keys)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    probing, indexing = (_prefix_lengths(sizes, share) for share in (threshold, 2 * threshold / (1 + threshold)))
    kept = ranks < probing[owners]
    indexed = (ranks < indexing[owners])[kept]
    slots = (keys >> (np.uint64(64) - low - np.uint64(_RARITY_BITS + _TABLE)) & np.uint64((1 << _TABLE) - 1)).astype(np.uint32)
    return _Prefixes((keys << low)[kept], owners[kept], indexed, sizes, slots, probing, indexing)


def _prefix_lengths(sizes: Positions, share: float) -> Positions:
    """Such that two texts that overlap by `share` of the larger one have several 5-grams in common, not only one by chance."""
    lengths: Positions = sizes - np.ceil(share * sizes - _ROUNDING).astype(np.intp) + 1 + sizes // _SPARE
    return np.minimum(lengths, sizes)
