"""Texts that say nearly the same: exact Jaccard similarity of character 5-grams, found quickly by MinHash.

MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3) proposes pairs; each
proposal is then measured exactly, so a reported pair is never a guess. A pair at the threshold is missed less than once in a
thousand times. Characters, not words: the same code serves English, Chinese and mixed text.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
"""Characters per n-gram."""
SHORT_TEXT = 25
"""Below this many characters one changed name or number makes another text, so only equality counts."""
PERMUTATIONS = 128
RECALL = 0.999

_BLOCK = 8192
_PARAMETERS = np.random.RandomState(20240710).randint(0, 2**32, size=(2, PERMUTATIONS), dtype=np.uint32)
_FACTORS, _OFFSETS = _PARAMETERS[0] | np.uint32(1), _PARAMETERS[1]
_POSITION_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], dtype=np.uint64
)

Shingles = NDArray[np.uint64]
Positions = NDArray[np.intp]


def normalise(text: str) -> str:
    """`text` without differences nobody means: full width, case, and the amount of white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def jaccard(first: str, second: str) -> float:
    """Share of common character 5-grams of two normalised texts, from 0 to 1."""
    return _overlap(_shingles(normalise(first)), _shingles(normalise(second)))


def group_similar(texts: Sequence[str], threshold: float) -> list[int]:
    """Which texts belong together, directly or through others between them.

    Args:
        texts: the texts, in any order; the grouping does not depend on it.
        threshold: Jaccard similarity from which two texts belong together. Texts shorter than `SHORT_TEXT` characters
            belong together only when they are equal after `normalise`.

    Returns:
        One number per text, the position of the first text of its group.
    """
    normalised = [normalise(text) for text in texts]
    firsts: dict[str, int] = {}
    labels = np.array([firsts.setdefault(text, index) for index, text in enumerate(normalised)], dtype=np.intp)
    long = np.array([index for text, index in firsts.items() if len(text) >= SHORT_TEXT], dtype=np.intp)
    sketches = _Sketches([normalised[index] for index in long], threshold)
    for bucket in sketches.buckets():
        _join_similar(labels, long, sketches, bucket)
    return [int(label) for label in labels]


def match_similar(texts: Sequence[str], references: Sequence[str], threshold: float) -> list[int | None]:
    """For each text the position of a reference that is equal or similar to it (as in `group_similar`), else None."""
    known = {normalise(text): index for index, text in reversed(list(enumerate(references)))}
    normalised = [normalise(text) for text in texts]
    matches = [known.get(text) for text in normalised]
    open_ = [index for index, text in enumerate(normalised) if matches[index] is None and len(text) >= SHORT_TEXT]
    long = [(text, index) for text, index in known.items() if len(text) >= SHORT_TEXT]
    sketches = _Sketches([normalised[index] for index in open_] + [text for text, _ in long], threshold)
    for bucket in sketches.buckets():
        ours, theirs = bucket[bucket < len(open_)], bucket[bucket >= len(open_)]
        for member in ours:
            if matches[open_[member]] is None:
                found = next((other for other in theirs if sketches.similar(int(member), int(other))), None)
                matches[open_[member]] = None if found is None else long[found - len(open_)][1]
    return matches


class _Sketches:
    """The 5-grams of some normalised texts, and which of the texts may be similar."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self.threshold = threshold
        self.shingles = [_shingles(text) for text in texts]
        self.compared: dict[tuple[int, int], bool] = {}

    def buckets(self) -> Iterator[Positions]:
        """Positions of texts that agree in one band of their signatures: sorted, at least two at a time."""
        if len(self.shingles) < 2:
            return
        signatures = np.stack([_signature(shingles) for shingles in self.shingles])
        rows = _rows_per_band(self.threshold)
        for start in range(0, PERMUTATIONS - rows + 1, rows):
            band = np.ascontiguousarray(signatures[:, start : start + rows])
            keys = band.view(np.dtype((np.void, band.itemsize * rows))).ravel()
            _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
            members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])
            yield from (members[index] for index in np.flatnonzero(counts > 1))

    def similar(self, first: int, second: int) -> bool:
        """Whether two texts reach the threshold, measured exactly and remembered."""
        pair = (min(first, second), max(first, second))
        if pair not in self.compared:
            self.compared[pair] = _reaches(self.shingles[first], self.shingles[second], self.threshold)
        return self.compared[pair]


def _join_similar(labels: Positions, places: Positions, sketches: _Sketches, bucket: Positions) -> None:
    """Give similar members of `bucket` one label; `places` leads from a member to its position in `labels`."""
    for count, member in enumerate(bucket):
        here = places[member]
        others = bucket[:count]
        while len(others := others[labels[places[others]] != labels[here]]):
            if sketches.similar(int(member), int(others[0])):
                one, two = labels[here], labels[places[others[0]]]
                labels[labels == max(one, two)] = min(one, two)
            others = others[1:]


def _shingles(text: str) -> Shingles:
    """The distinct character 5-grams of `text` as sorted 64-bit hashes; a shorter text counts as one 5-gram."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64) + np.uint64(1)
    codes = np.pad(codes, (0, max(0, SHINGLE - len(codes))))
    count = len(codes) - SHINGLE + 1
    hashes = np.zeros(count, dtype=np.uint64)
    for offset, factor in enumerate(_POSITION_FACTORS):
        hashes += codes[offset : offset + count] * factor
    hashes ^= hashes >> np.uint64(32)
    hashes *= _POSITION_FACTORS[1]
    return np.unique(hashes)


def _signature(shingles: Shingles) -> NDArray[np.uint32]:
    """MinHash signature: per permutation the least value of any 5-gram; shape (PERMUTATIONS,)."""
    hashes = (shingles >> np.uint64(32)).astype(np.uint32)[:, None]
    blocks = [hashes[start : start + _BLOCK] * _FACTORS + _OFFSETS for start in range(0, len(hashes), _BLOCK)]
    least: NDArray[np.uint32] = np.min([block.min(axis=0) for block in blocks], axis=0)
    return least


def _rows_per_band(threshold: float) -> int:
    """Most signature rows per band such that a pair at the threshold still shares a band with probability RECALL."""
    sizes = (size for size in range(PERMUTATIONS, 1, -1) if 1 - (1 - threshold**size) ** (PERMUTATIONS // size) >= RECALL)
    return next(sizes, 1)


def _reaches(first: Shingles, second: Shingles, threshold: float) -> bool:
    """Whether the overlap is at least `threshold`; the sizes alone often rule it out."""
    smaller, larger = sorted((len(first), len(second)))
    return smaller >= threshold * larger and _overlap(first, second) >= threshold


def _overlap(first: Shingles, second: Shingles) -> float:
    common = len(np.intersect1d(first, second, assume_unique=True))
    return common / (len(first) + len(second) - common)
