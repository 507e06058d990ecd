"""What is known so far of texts that are compared: which pairs still matter, and what similar pairs lead to."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anytasktune.similarity.text_batches import Positions


class UnionFind(Protocol):
    """Texts by number; a pair is open as long as finding it similar would change the outcome."""

    def open(self, first: Positions, second: Positions) -> NDArray[np.bool_]: ...

    def sides(self) -> Positions:
        """A number per text; pairs within one number are not open."""

    def settle(self, first: Positions, second: Positions) -> None:
        """Take in pairs found similar."""


class Groups:
    """Texts that belong together through chains of similar ones; `labels` leads to the first of each group."""

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


class Matches:
    """References (the first numbers) and texts (the others): the first reference that is similar to each text.

    Attributes:
        found: per text the number of a reference, or `references` as long as there is none.
    """

    def __init__(self, references: int, texts: int) -> None:
        self.references = references
        self.found: Positions = np.full(texts, references)

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
