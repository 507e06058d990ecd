"""Texts as sets of hashes: of their character 5-grams, or of anything else; how far two sets overlap.

Characters, not words: the same code serves English, Chinese and mixed text. Work on many texts is done in batches that fit a
processor's cache, several at a time: numpy releases the interpreter lock.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from anytasktune.text.plain_text import normalise

SHINGLE = 5
"""Characters per n-gram."""
SHORT_TEXT = 25
"""Below this many characters one changed name or number makes another text, so only equality counts."""

Hashes = NDArray[np.uint64]
Positions = NDArray[np.intp]
Pairs = tuple[Positions, Positions]
"""The first and the second text of each pair, by number."""
Result = TypeVar("Result")

_MOST_THREADS = 8
_PAIR_HASHES = 1 << 18
_POSITION_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], dtype=np.uint64
)


class HashSets(Protocol):
    """Texts by number, each a set of hashes."""

    sizes: Positions
    """Hashes per text, repetitions included; at least 1."""

    def take(self, places: Positions) -> Hashes:
        """The hashes of some texts, one text after another, `sizes` of each."""


class Shingles:
    """Texts as sets of their character 5-grams, hashed anew each time: kept, they would take gigabytes."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Takes normalised texts of at least `SHINGLE` characters."""
        self._texts = texts
        self.sizes: Positions = np.fromiter((len(text) - SHINGLE + 1 for text in texts), dtype=np.intp, count=len(texts))

    def take(self, places: Positions) -> Hashes:
        hashes = _shingles("".join([self._texts[place] for place in places.tolist()]))
        inside = np.ones(len(hashes) + SHINGLE - 1, dtype=np.bool_)
        ends = np.cumsum(self.sizes[places] + SHINGLE - 1)
        inside[(ends[:, None] - np.arange(1, SHINGLE)).ravel()] = False
        return hashes[inside[: len(hashes)]]


def _shingles(text: str) -> Hashes:
    """A hash of the 5-gram that starts at each place."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64) + np.uint64(1)
    count = len(codes) - SHINGLE + 1
    hashes: Hashes = codes[:count] * _POSITION_FACTORS[0]
    part = np.empty_like(hashes)
    for offset, factor in enumerate(_POSITION_FACTORS[1:], start=1):
        hashes += np.multiply(codes[offset : offset + count], factor, out=part)
    hashes ^= np.right_shift(hashes, np.uint64(32), out=part)
    hashes *= _POSITION_FACTORS[1]
    return hashes


def grams(text: str) -> frozenset[str]:
    """The character 5-grams of a text, normalised; a text of under 5 characters is one."""
    plain = normalise(text)
    return frozenset(plain[start : start + SHINGLE] for start in range(max(1, len(plain) - SHINGLE + 1)))


def jaccard(first: str, second: str) -> float:
    """Share of common character 5-grams of two texts, from 0 to 1."""
    ours, theirs = grams(first), grams(second)
    return len(ours & theirs) / len(ours | theirs)


def jaccard_of_pairs(sets: HashSets, pairs: Pairs) -> NDArray[np.float64]:
    """The exact Jaccard similarity of each pair."""

    def measure(part: slice) -> NDArray[np.float64]:
        """All pairs by one sort of (pair, hash, side): a hash of both sides makes two neighbours."""
        places = np.concatenate([side[part] for side in pairs])
        count = len(places) // 2
        low = np.uint64(count.bit_length())
        high = np.uint64(64) - low
        owners = np.arange(2 * count, dtype=np.uint64)
        heads = (owners % np.uint64(count) << high) | (owners >= count)
        keys = np.repeat(heads, sets.sizes[places]) | (sets.take(places) >> low & ~np.uint64(1))
        keys.sort()
        distinct = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
        shared = distinct[:-1][(distinct[1:] ^ distinct[:-1]) == 1]
        sizes, common = (np.bincount((part >> high).astype(np.intp), minlength=count) for part in (distinct, shared))
        return common / (sizes - common)

    measured = in_threads(measure, batches(sets.sizes[pairs[0]] + sets.sizes[pairs[1]], _PAIR_HASHES))
    return np.concatenate(measured) if measured else np.zeros(0)


def batches(sizes: Positions, most: int, most_items: int = 1 << 12) -> list[slice]:
    """Consecutive stretches of items whose `sizes` sum to at most `most`, or that hold a single larger item."""
    ends = np.cumsum(sizes)
    found, start = [], 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + most, side="right"))
        stop = min(max(stop, start + 1), start + most_items)
        found.append(slice(start, stop))
        start = stop
    return found


def in_threads(work: Callable[[slice], Result], parts: Sequence[slice]) -> list[Result]:
    """The results of `work` in the order of `parts`."""
    if len(parts) < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1, len(parts))) as pool:
        return list(pool.map(work, parts))
