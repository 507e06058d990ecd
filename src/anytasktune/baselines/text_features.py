"""Texts as tf-idf vectors of character and word n-grams.

Two blocks, each of length 1: sequences of 1 to 3 characters that do not cross a space (one may be at either end), and of 1 or 2
tokens, where a Chinese character is a token. An n-gram is known by a 64-bit hash, so that a vocabulary is an array.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from anytasktune.text.plain_text import normalise
from anytasktune.text.scripts import tokens

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]

_CHARACTERS, _TOKENS = 3, 2
_FEWEST_ROWS = 2
"""Rows an n-gram must occur in."""
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_SPACE = ord(" ")


@dataclass(frozen=True)
class Vocabulary:
    """The n-grams of one block.

    Attributes:
        grams: their hashes, sorted.
        idf: inverse document frequency of each.
    """

    grams: Hashes
    idf: Floats

    @classmethod
    def of(cls, rows: Sequence[Hashes], most: int) -> "Vocabulary":
        """The `most` commonest n-grams of `rows`, with smoothed inverse document frequencies."""
        empty = np.zeros(1, np.uint64)  # stands for no n-gram, so that a vocabulary is never empty
        grams, counts = np.unique(np.concatenate([empty, *map(np.unique, rows)]), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:most]
        order = np.sort(order[(counts[order] >= _FEWEST_ROWS) | (grams[order] == 0)])
        return cls(grams[order], np.log((1 + len(rows)) / (1 + counts[order])) + 1)

    def vectors(self, rows: Sequence[Hashes]) -> csr_matrix:
        """Vectors [rows, n-grams] of length 1, or 0 where a row has no known n-gram; counts enter as 1 + log."""
        columns, values, ends = [], [], [0]
        for row in rows:
            grams, counts = np.unique(row, return_counts=True)
            places = np.minimum(np.searchsorted(self.grams, grams), len(self.grams) - 1)
            known = self.grams[places] == grams
            weights = (1 + np.log(counts[known])) * self.idf[places[known]]
            columns.append(places[known])
            values.append(weights / (np.linalg.norm(weights) or 1.0))
            ends.append(ends[-1] + len(weights))
        shape = len(rows), len(self.grams)
        return csr_matrix((np.concatenate([[], *values]), np.concatenate([[], *columns]).astype(np.int64), ends), shape=shape)


@dataclass(frozen=True)
class TextFeatures:
    """The vocabularies of both blocks."""

    characters: Vocabulary
    words: Vocabulary

    @classmethod
    def of(cls, texts: Sequence[str], most: int) -> "TextFeatures":
        """The features that occur in at least two of `texts`, about `most` in all."""
        pairs = [_grams_of(text) for text in texts]
        return cls(*(Vocabulary.of(rows, most // 2) for rows in ([pair[0] for pair in pairs], [pair[1] for pair in pairs])))

    def vectors(self, texts: Sequence[str]) -> csr_matrix:
        """[texts, features]"""
        pairs = [_grams_of(text) for text in texts]
        blocks = self.characters.vectors([pair[0] for pair in pairs]), self.words.vectors([pair[1] for pair in pairs])
        return hstack(blocks).tocsr()

    def __len__(self) -> int:
        return len(self.characters.grams) + len(self.words.grams)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The vocabularies as arrays, by name."""
        blocks = {"characters": self.characters, "words": self.words}
        found: dict[str, NDArray[np.generic]] = {}
        for name, block in blocks.items():
            found |= {f"{name}.grams": block.grams, f"{name}.idf": block.idf}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "TextFeatures":
        """The features whose `arrays` these are; KeyError where one is missing."""
        names = "characters", "words"
        return cls(*(Vocabulary(arrays[f"{name}.grams"], arrays[f"{name}.idf"]) for name in names))  # type: ignore[arg-type]


def _grams_of(text: str) -> tuple[Hashes, Hashes]:
    """The n-grams of characters and of tokens in a text."""
    padded = f" {normalise(text)} "
    characters = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    encoded = [token.encode("utf-8", "surrogatepass") for token in tokens(padded)]
    digests = b"".join(hashlib.blake2b(token, digest_size=8).digest() for token in encoded)
    words = np.frombuffer(digests, "<u8").astype(np.uint64)
    return _grams(characters, _CHARACTERS, characters == _SPACE), _grams(words, _TOKENS)


def _grams(units: Hashes, longest: int, space: NDArray[np.bool_] | None = None) -> Hashes:
    """Hashes of all sequences of 1 to `longest` units that do not consist of, or cross, a `space`: a polynomial, mixed."""
    found = []
    sums, inner = np.ones(len(units), np.uint64), np.zeros(len(units), np.bool_)
    for length in range(1, min(longest, len(units)) + 1):
        count = len(units) - length + 1
        sums = sums[:count] * _BASE + units[length - 1 :]
        kept = sums
        if space is not None:
            inner = inner[:count] | space[length - 2 :][:count] if length > 2 else space[:count] & space[length - 1 :]
            kept = sums[~inner]
        mixed = kept * _MIX
        found.append(mixed ^ (mixed >> np.uint64(29)))
    return np.concatenate([np.zeros(0, np.uint64), *found])
