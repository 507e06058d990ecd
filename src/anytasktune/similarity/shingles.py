"""Texts as sets of character 5-grams, and how far two such sets overlap.

Characters, not words: the same code serves English, Chinese and mixed text. A 5-gram is known by a 64-bit hash.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.text_batches import Positions, batches, in_threads
from anytasktune.text.plain_text import normalise

SHINGLE = 5
"""Characters per n-gram."""
SHORT_TEXT = 25
"""Below this many characters one changed name or number makes another text, so only equality counts."""

_PAIR_CHARACTERS = 1 << 18
_POSITION_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], dtype=np.uint64
)

Hashes = NDArray[np.uint64]


def jaccard(first: str, second: str) -> float:
    """Share of common character 5-grams of two normalised texts, from 0 to 1; a text of under 5 characters is one 5-gram."""
    ours, theirs = (np.unique(_hashes(_padded(normalise(text)))) for text in (first, second))
    common = len(np.intersect1d(ours, theirs, assume_unique=True))
    return common / (len(ours) + len(theirs) - common)


def shingles(texts: Sequence[str]) -> tuple[Hashes, Positions]:
    """The 5-grams of normalised texts of at least `SHINGLE` characters, in the order of the texts.

    Returns:
        The hashes of all 5-grams with repetitions, one text after another, and how many each text has.
    """
    codes = _codes("".join(texts))
    counts = np.fromiter((len(text) for text in texts), dtype=np.intp, count=len(texts))
    hashes = _hashes(codes)
    inside = np.ones(len(codes), dtype=np.bool_)
    inside[(np.cumsum(counts)[:, None] - np.arange(1, SHINGLE)).ravel()] = False
    return hashes[inside[: len(hashes)]], counts - (SHINGLE - 1)


def overlaps(texts: Sequence[str], first: Positions, second: Positions) -> NDArray[np.float64]:
    """The Jaccard similarity of each pair of normalised texts of at least `SHINGLE` characters, by their positions."""
    lengths = np.fromiter((len(texts[one]) + len(texts[two]) for one, two in zip(first, second, strict=True)), dtype=np.intp)

    def measure(part: slice) -> NDArray[np.float64]:
        return _overlaps([texts[one] for one in first[part]], [texts[two] for two in second[part]])

    measured = in_threads(measure, batches(lengths, _PAIR_CHARACTERS))
    return np.concatenate(measured) if measured else np.zeros(0)


def _overlaps(first: Sequence[str], second: Sequence[str]) -> NDArray[np.float64]:
    """All pairs by one sort of (pair, 5-gram, side): a 5-gram of both sides makes two neighbours."""
    hashes, counts = shingles([*first, *second])
    pairs, high = len(first), np.uint64(64 - len(first).bit_length())
    low = np.uint64(len(first).bit_length())
    owners = np.arange(2 * pairs, dtype=np.uint64)
    heads = (owners % np.uint64(pairs) << high) | (owners >= pairs)
    keys = np.repeat(heads, counts) | (hashes >> low & ~np.uint64(1))
    keys.sort()
    distinct = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    shared = distinct[:-1][(distinct[1:] ^ distinct[:-1]) == 1]
    sizes, common = (np.bincount((part >> high).astype(np.intp), minlength=pairs) for part in (distinct, shared))
    return common / (sizes - common)


def _codes(text: str) -> Hashes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64) + np.uint64(1)


def _padded(text: str) -> Hashes:
    codes = _codes(text)
    padded: Hashes = np.concatenate([codes, np.zeros(max(0, SHINGLE - len(codes)), dtype=np.uint64)])
    return padded


def _hashes(codes: Hashes) -> Hashes:
    """Of the 5-gram that starts at each place; shape (len(codes) - 4,)."""
    count = len(codes) - SHINGLE + 1
    hashes: Hashes = codes[:count] * _POSITION_FACTORS[0]
    part = np.empty_like(hashes)
    for offset, factor in enumerate(_POSITION_FACTORS[1:], start=1):
        hashes += np.multiply(codes[offset : offset + count], factor, out=part)
    hashes ^= np.right_shift(hashes, np.uint64(32), out=part)
    hashes *= _POSITION_FACTORS[1]
    return hashes
