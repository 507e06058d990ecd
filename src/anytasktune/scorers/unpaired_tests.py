"""One system on two sets of items, such as the rows of two languages: the difference of its scores, and its p value."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anytasktune.schema import Interval
from anytasktune.scorers.intervals import CONFIDENCE, Floats, blocks, independent_difference
from anytasktune.scorers.metrics import ItemStatistics

PERMUTATIONS = 10_000
"""Random divisions of the items; enough to pass Holm's correction over a hundred tasks."""
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class UnpairedComparison:
    """Scores on one set of items minus those on another.

    Attributes:
        difference: with its 95 % interval, which reaches over 0 exactly where `p_value` is 0.05 or more.
        p_value: two-sided.
    """

    difference: Interval
    p_value: float


def compare_unpaired(first: ItemStatistics, second: ItemStatistics, resamples: int, seed: int = 0) -> UnpairedComparison:
    """Compare the metric over two sets of items.

    The p value is the share of the divisions of all items into sets of these sizes whose difference is as large. For right and
    wrong answers it is counted exactly, from the hypergeometric distribution; otherwise over `PERMUTATIONS` random divisions,
    the given one included (Phipson and Smyth 2010).

    Raises:
        ValueError: one set is empty, or the two have other columns.
    """
    if not len(first) or not len(second) or first.columns.shape[1] != second.columns.shape[1]:
        raise ValueError(f"{len(first)} and {len(second)} items cannot be compared")
    p_value = _exact(first, second) if first.is_share and second.is_share else _by_permutation(first, second, seed)
    found = independent_difference(first, second, resamples, seed)
    low, high = found.low, found.high
    if p_value >= 1 - CONFIDENCE:
        low, high = min(0.0, low), max(0.0, high)
    elif found.value > 0:
        low = max(0.0, low)
    else:
        high = min(0.0, high)
    return UnpairedComparison(Interval(value=found.value, low=low, high=high), p_value)


def _exact(first: ItemStatistics, second: ItemStatistics) -> float:
    """The chance that, of all right answers, so many or so few fall to the first set."""
    from scipy.stats import hypergeom  # noqa: PLC0415

    ours, theirs = round(first.columns[:, 0].sum()), round(second.columns[:, 0].sum())
    right, items = ours + theirs, len(first) + len(second)
    possible = np.arange(max(0, right - len(second)), min(right, len(first)) + 1)
    gaps = np.abs(possible / len(first) - (right - possible) / len(second))
    observed = abs(ours / len(first) - theirs / len(second))
    chances = hypergeom.pmf(possible, items, right, len(first))
    return min(1.0, float(chances[gaps >= observed - _NEGLIGIBLE].sum()))


def _by_permutation(first: ItemStatistics, second: ItemStatistics, seed: int) -> float:
    columns = np.vstack([first.columns, second.columns])
    total, observed = columns.sum(axis=0), abs(first.value() - second.value())
    as_large = 0
    for chosen in _divisions(len(first), len(columns), seed):
        sums = chosen @ columns
        gaps = np.abs(first.aggregate(sums) - first.aggregate(total - sums))
        as_large += int((gaps >= observed - _NEGLIGIBLE).sum())
    return (1 + as_large) / (1 + PERMUTATIONS)


def _divisions(size: int, items: int, seed: int) -> Iterator[Floats]:
    """Random choices of `size` items: blocks [some divisions, items] of 1 (chosen) and 0."""
    random = np.random.default_rng(seed)
    for rows in blocks(items, PERMUTATIONS):
        ranks = random.random((rows, items)).argsort(axis=1)
        chosen = np.zeros((rows, items))
        np.put_along_axis(chosen, ranks[:, :size], 1.0, axis=1)
        yield chosen
