"""Pairs of a crowd by prefix filtering (Bayardo, Ma, Srikant 2007: All-Pairs; Xiao, Wang, Lin, Yu 2008: PPJoin).

Two sets that overlap enough cannot differ in their rarest members. Let p(x) of the members of x, in one order for all sets, be
its prefix; if x and y share a members, their prefixes share min(a - |x| + p(x), a - |y| + p(y)) or more, and J(x, y) >= t means
a >= t / (1 + t) (|x| + |y|). Boilerplate is not rare in its own crowd, so it stands at the end and proposes nothing.
"""

from collections.abc import Iterator

import numpy as np

from anytasktune.similarity.shingles import Hashes, HashSets, Pairs, Positions, batches, in_threads

_BATCH_HASHES = 1 << 20
_MOST_SLOTS = 22
_RARITY_BITS, _PLACE_BITS = 6, 13
_COUNTED = 1 << 25
_WORK = 1 << 24
_SPARE = 20
"""Prefixes are longer by one in so many members: pairs then share several of them, not only one by chance."""
_ROUNDING = 1e-9


def crowd_pairs(sets: HashSets, crowd: Positions, threshold: float) -> Iterator[Pairs]:
    """Pairs among the sets of a crowd: every one that reaches the threshold, and others."""
    from scipy.sparse import csr_array  # noqa: PLC0415

    members, owners, sizes, lengths = _prefixes(sets, crowd, threshold)
    distinct, columns = np.unique(members, return_inverse=True)
    incidence = csr_array((np.ones(len(owners), dtype=np.int32), (owners, columns)), shape=(len(crowd), len(distinct)))
    turned = incidence.T.tocsr()
    work = incidence @ np.bincount(columns, minlength=len(distinct))
    for part in batches(work, _WORK, len(crowd)):
        shared = (incidence[part] @ turned).tocoo()
        first, second = shared.row + part.start, shared.col
        overlap = np.ceil(threshold / (1 + threshold) * (sizes[first] + sizes[second]) - _ROUNDING)
        needed = overlap - np.maximum(sizes[first] - lengths[first], sizes[second] - lengths[second])
        chosen = (first < second) & (shared.data >= needed)
        yield crowd[first[chosen]], crowd[second[chosen]]


def _prefixes(sets: HashSets, crowd: Positions, threshold: float) -> tuple[Hashes, Positions, Positions, Positions]:
    """The rarest members of each set, whose they are, and per set how many different members it has and its prefix."""
    parts = batches(sets.sizes[crowd], _BATCH_HASHES, 1 << _PLACE_BITS)
    # how often members occur, as a coarse logarithm, by the first bits of their hash; counted on a sample of a large crowd
    total = int(sets.sizes[crowd].sum())
    slot_bits = min(_MOST_SLOTS, total.bit_length())
    times = np.zeros(1 << slot_bits, dtype=np.int64)
    for part in parts[:: max(1, total // _COUNTED)]:
        times += np.bincount((sets.take(crowd[part]) >> np.uint64(64 - slot_bits)).astype(np.intp), minlength=len(times))
    rarity = np.minimum(np.log2(times + 1) * 2.5, (1 << _RARITY_BITS) - 1).astype(np.uint8)

    def rarest(part: slice) -> tuple[Hashes, Positions, Positions, Positions]:
        """One sort by (set, rarity, hash) finds the different members and puts the rare ones first."""
        hashes, counts = sets.take(crowd[part]), sets.sizes[crowd[part]]
        rank = rarity[(hashes >> np.uint64(64 - slot_bits)).astype(np.intp)].astype(np.uint64)
        rank = (rank << np.uint64(64 - _RARITY_BITS)) | (hashes >> np.uint64(_RARITY_BITS))
        low, high = np.uint64(_PLACE_BITS), np.uint64(64 - _PLACE_BITS)
        keys = np.repeat(np.arange(len(counts), dtype=np.uint64) << high, counts) | (rank >> low)
        keys.sort()
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
        owners = (keys >> high).astype(np.intp)
        sizes = np.bincount(owners, minlength=len(counts))
        lengths = np.minimum(sizes, sizes - np.ceil(threshold * sizes - _ROUNDING).astype(np.intp) + 1 + sizes // _SPARE)
        kept = np.arange(len(keys)) - np.repeat(np.cumsum(sizes) - sizes, sizes) < lengths[owners]
        return (keys << low)[kept], owners[kept] + part.start, sizes, lengths

    members, owners, sizes, lengths = (np.concatenate(column) for column in zip(*in_threads(rarest, parts), strict=True))
    return members, owners, sizes, lengths
