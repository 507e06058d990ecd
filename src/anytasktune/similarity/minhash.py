"""MinHash signatures and their bands (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3).

A signature holds, for each of many permutations of all 5-grams, the least one a text has. Two texts agree at a place with the
probability of their Jaccard similarity, so similar texts agree somewhere in a whole band of places.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.shingles import SHINGLE, Hashes, shingles
from anytasktune.similarity.text_batches import Positions, batches, in_threads

PERMUTATIONS = 128
RECALL = 0.999
"""Least probability that a pair at the threshold shares a band."""

_BATCH_CHARACTERS = 1 << 16
_BUFFER = 1 << 19
_UNLIKELY = 4.0
"""Standard deviations below the threshold at which the agreement of two signatures rules a pair out."""
_PARAMETERS = np.random.RandomState(20240710).randint(0, 2**32, size=(2, PERMUTATIONS), dtype=np.uint32)
_FACTORS, _OFFSETS = (_PARAMETERS[0] | np.uint32(1))[:, None], _PARAMETERS[1][:, None]
_MIX = np.uint64(0x9E3779B97F4A7C15)
_BYTES = np.uint64(0x0101010101010101)

Signatures = NDArray[np.uint32]


def signatures(texts: Sequence[str]) -> Signatures:
    """MinHash signatures of normalised texts of at least `SHINGLE` characters; shape (PERMUTATIONS, len(texts))."""
    found = np.empty((PERMUTATIONS, len(texts)), dtype=np.uint32)

    def fill(part: slice) -> None:
        hashes, counts = shingles(texts[part])
        found[:, part] = _least((hashes >> np.uint64(32)).astype(np.uint32), np.cumsum(counts) - counts)

    sizes = np.fromiter((len(text) - SHINGLE + 1 for text in texts), dtype=np.intp, count=len(texts))
    in_threads(fill, batches(sizes, _BATCH_CHARACTERS))
    return found


def _least(values: NDArray[np.uint32], starts: Positions) -> Signatures:
    least = np.empty((PERMUTATIONS, len(starts)), dtype=np.uint32)
    step = min(PERMUTATIONS, max(1, _BUFFER // len(values)))
    buffer = np.empty((step, len(values)), dtype=np.uint32)
    for place in range(0, PERMUTATIONS, step):
        rows = slice(place, min(place + step, PERMUTATIONS))
        permuted = buffer[: rows.stop - place]
        np.multiply(values, _FACTORS[rows], out=permuted)
        permuted += _OFFSETS[rows]
        np.minimum.reduceat(permuted, starts, axis=1, out=least[rows])
    return least


def band_keys(marks: Signatures, threshold: float) -> Iterator[Hashes]:
    """Per band a key for every text: equal where all places of the band agree."""
    rows = rows_per_band(threshold)
    for start in range(0, PERMUTATIONS - rows + 1, rows):
        keys = np.zeros(marks.shape[1], dtype=np.uint64)
        for row in marks[start : start + rows]:
            keys = (keys ^ row) * _MIX
            keys ^= keys >> np.uint64(31)
        yield keys


def rows_per_band(threshold: float) -> int:
    """Most signature places per band such that a pair at the threshold still shares a band with probability RECALL."""
    sizes = (size for size in range(PERMUTATIONS, 1, -1) if 1 - (1 - threshold**size) ** (PERMUTATIONS // size) >= RECALL)
    return next(sizes, 1)


class Glance:
    """A cheap look at pairs: one byte of each place of the signatures."""

    def __init__(self, marks: Signatures, threshold: float) -> None:
        self.bytes = np.ascontiguousarray(marks.astype(np.uint8).T).view(np.uint64)
        spread = _UNLIKELY * math.sqrt(PERMUTATIONS * threshold * max(0.0, 1 - threshold))
        self.least = math.floor(PERMUTATIONS * threshold - spread)

    def may_be_similar(self, first: Positions, second: Positions) -> NDArray[np.bool_]:
        """False where signatures agree so seldom that a pair at the threshold would do so once in thirty thousand times."""
        differing = self.bytes[first] ^ self.bytes[second]
        agreeing = (differing.view(np.uint8) == 0).view(np.uint64).sum(axis=1, dtype=np.uint64)
        agreements: NDArray[np.bool_] = (agreeing * _BYTES >> np.uint64(56)).astype(np.intp) >= self.least
        return agreements
