"""Texts as vectors of their content words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anytasktune.ids import text_hash
from anytasktune.similarity.shingles import Hashes
from anytasktune.similarity.stems import Words
from anytasktune.similarity.text_batches import Positions, in_threads

_MEASURED = 1 << 14
_ROUNDING = 1e-9
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Vectors:
    """Content words of texts, the rarest first in each.

    Attributes:
        words: numbers of the different words, text after text.
        weights: their weights; the squares of a text's sum to 1.
        starts: where each text begins; one more at the end.
        marks: one number for the numbers and the denial in a text; 0 for texts of too few words.
    """

    words: Hashes
    weights: NDArray[np.float64]
    starts: Positions
    marks: Hashes

    @classmethod
    def of(cls, texts: Sequence[str], fewest: int) -> "Vectors":
        """Of normalised texts; those of fewer than `fewest` different content words are left without any."""
        vocabulary: dict[str, int] = {}
        found: list[int] = []
        ends, marks = [0], []
        for text in texts:
            said = Words(text)
            ids = [vocabulary.setdefault(word, len(vocabulary)) for word in said.content]
            enough = len(set(ids)) >= fewest
            found += ids if enough else []
            ends.append(len(found))
            marks.append(int(text_hash(said.mark)[:15], 16) + 1 if enough else 0)
        return cls._weighted(np.array(found, dtype=np.uint64), np.array(ends), np.array(marks, dtype=np.uint64))

    @classmethod
    def _weighted(cls, found: Hashes, ends: Positions, marks: Hashes) -> "Vectors":
        count = len(ends) - 1
        owners = np.repeat(np.arange(count, dtype=np.uint64), np.diff(ends))
        keys, times = np.unique(owners << _HALF | found, return_counts=True)
        owners, words = (keys >> _HALF).astype(np.intp), keys & np.uint64(0xFFFFFFFF)
        frequency = np.bincount(words.astype(np.intp))
        rarity = np.log((1 + count) / (1 + frequency)) + 1
        weights = (1 + np.log(times)) * rarity[words.astype(np.intp)]
        norms = np.sqrt(np.bincount(owners, weights=weights**2, minlength=count))
        order = np.lexsort((words, frequency[words.astype(np.intp)], owners))
        starts = np.searchsorted(owners, np.arange(count + 1))
        return cls(words[order], (weights / norms[owners])[order], starts, marks)

    @property
    def owners(self) -> Positions:
        return np.repeat(np.arange(len(self.marks)), np.diff(self.starts))

    def prefixes(self, threshold: float) -> NDArray[np.bool_]:
        """Which words two texts at the threshold cannot all differ in: after them, too little of the length is left."""
        ahead = np.concatenate([[0.0], np.cumsum(self.weights**2)])
        passed = ahead[:-1] - np.repeat(ahead[self.starts[:-1]], np.diff(self.starts))
        prefix: NDArray[np.bool_] = 1 - passed >= threshold**2 - _ROUNDING
        return prefix


class Cosines:
    """Measures pairs of texts."""

    def __init__(self, vectors: Vectors) -> None:
        keys = vectors.owners.astype(np.uint64) << _HALF | vectors.words
        order = np.argsort(keys)
        self._vectors = vectors
        self._keys, self._weights = keys[order], vectors.weights[order]

    def of(self, first: Positions, second: Positions) -> NDArray[np.float64]:
        """The cosine of each pair, from 0 to 1."""

        def measure(part: slice) -> NDArray[np.float64]:
            return self._of(first[part], second[part])

        measured = in_threads(measure, [slice(start, start + _MEASURED) for start in range(0, len(first), _MEASURED)])
        return np.concatenate(measured) if measured else np.zeros(0)

    def _of(self, first: Positions, second: Positions) -> NDArray[np.float64]:
        """Every word of the first text is looked up in the second."""
        starts = self._vectors.starts
        counts = starts[first + 1] - starts[first]
        pairs = np.repeat(np.arange(len(first)), counts)
        places = np.arange(len(pairs)) + np.repeat(starts[first] - np.cumsum(counts) + counts, counts)
        wanted = second[pairs].astype(np.uint64) << _HALF | self._vectors.words[places]
        found = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        products = self._weights[found] * self._vectors.weights[places]
        products[self._keys[found] != wanted] = 0
        cosines: NDArray[np.float64] = np.bincount(pairs, weights=products, minlength=len(first)).astype(np.float64)
        return cosines
