"""Whether two samples come from the same population: population stability index with a Monte Carlo permutation test.

The index is sum((p - q) * ln(p / q)) over bins (Siddiqi 2006, "Credit Risk Scorecards"). With few rows chance alone makes it
large (about (bins - 1) * (1/n + 1/m)), so what chance gives is subtracted, and a shift is one that permutation finds.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_BINS, _ROWS_PER_BIN = 10, 8
_PERMUTATIONS = 4000
_ADDED = 0.5
"""Rows added to every bin: an empty one has no logarithm."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Shift:
    """The difference of two samples.

    Attributes:
        index: population stability index beyond what chance gives; 0 or more.
        p_value: of the index among those of random divisions of all rows.
    """

    index: float
    p_value: float


def category_shift(reference: Sequence[Hashable], observed: Sequence[Hashable], seed: int = 0) -> Shift:
    """The shift of a feature with categories."""
    first, second = Counter(reference), Counter(observed)
    names = sorted({*first, *second}, key=repr)
    return _shift(np.array([[counts[name] for name in names] for counts in (first, second)], dtype=np.int64), seed)


def number_shift(reference: Sequence[float], observed: Sequence[float], seed: int = 0) -> Shift:
    """The shift of a number, in bins of about equally many rows of both samples: at most ten, each of eight rows or more."""
    values = np.array([*reference, *observed], dtype=np.float64)
    count = int(np.clip(min(len(reference), len(observed)) // _ROWS_PER_BIN, 2, _MOST_BINS))
    edges = np.unique(np.quantile(values, np.arange(1, count) / count))
    places = np.searchsorted(edges, values, side="left")
    split = [places[: len(reference)], places[len(reference) :]]
    return _shift(np.stack([np.bincount(part, minlength=len(edges) + 1) for part in split]).astype(np.int64), seed)


def _shift(counts: Counts, seed: int) -> Shift:
    """Args:
    counts: of both samples (2, bins).
    """
    total = counts.sum(axis=0)
    counts, total = counts[:, total > 0], total[total > 0]
    if len(total) < 2:
        return Shift(0.0, 1.0)
    rows = int(counts[0].sum())
    draws = np.random.default_rng(seed).multivariate_hypergeometric(total, rows, size=_PERMUTATIONS, method="marginals")
    by_chance = _index(draws, total - draws)
    seen = float(_index(counts[0], counts[1]))
    p_value = (1 + int(np.count_nonzero(by_chance >= seen - 1e-12))) / (1 + _PERMUTATIONS)
    return Shift(max(0.0, seen - float(by_chance.mean())), p_value)


def _index(reference: Counts, observed: Counts) -> NDArray[np.float64]:
    """The index of counts (..., bins)."""
    shares = [(part + _ADDED) / (part + _ADDED).sum(axis=-1, keepdims=True) for part in (reference, observed)]
    found: NDArray[np.float64] = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum(axis=-1)
    return found
