"""How sure a score and a difference are: bootstrap, permutation test, Holm's correction.

Everything works on :class:`ItemStatistics`: a resample or a permutation is a matrix product with their columns.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from anytasktune.schema import Interval
from anytasktune.scorers import ItemStatistics

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
POWER = 0.8
_BLOCK_CELLS = 4_000_000
"""Most cells (resamples x items) drawn at a time, to bound memory."""


@dataclass(frozen=True)
class PairedComparison:
    """One system against another on the same items.

    Attributes:
        difference: the first system minus the second, with its 95 % interval.
        p_value: two-sided, of the paired permutation test.
        standard_error: of the difference, from the paired bootstrap.
    """

    difference: Interval
    p_value: float
    standard_error: float


def bootstrap_interval(statistics: ItemStatistics, resamples: int = 2000, seed: int = 0) -> Interval:
    """The metric with its percentile-bootstrap 95 % interval (Efron and Tibshirani 1993, ch. 13), seeded.

    The interval is widened to hold the value itself where resampling is biased, as it is for macro F1.

    Raises:
        ValueError: there are no items.
    """
    draws = np.concatenate([statistics.aggregate(w @ statistics.columns) for w in _weights(len(statistics), resamples, seed)])
    return _percentile_interval(statistics.value(), draws)


def compare_paired(ours: ItemStatistics, theirs: ItemStatistics, resamples: int = 2000, seed: int = 0) -> PairedComparison:
    """Compare two systems on the same items in the same order: paired bootstrap and paired permutation test.

    Raises:
        ValueError: there are no items, or not the same number of both.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} items cannot be paired with {len(theirs)}")
    draws = np.concatenate(
        [
            ours.aggregate(weights @ ours.columns) - theirs.aggregate(weights @ theirs.columns)
            for weights in _weights(len(ours), resamples, seed)
        ]
    )
    return PairedComparison(
        difference=_percentile_interval(ours.value() - theirs.value(), draws),
        p_value=permutation_p_value(ours, theirs, resamples, seed),
        standard_error=float(draws.std(ddof=1)),
    )


def permutation_p_value(ours: ItemStatistics, theirs: ItemStatistics, permutations: int = 2000, seed: int = 0) -> float:
    """Two-sided p value of the difference under random swaps of the two systems' answers to an item.

    (1 + permutations with a difference at least as large) / (1 + permutations), so that it is never 0 (Phipson and
    Smyth 2010). Two systems with the same answers get 1.
    """
    observed = abs(ours.value() - theirs.value())
    gap = theirs.columns - ours.columns
    sums, other_sums = ours.columns.sum(axis=0), theirs.columns.sum(axis=0)
    as_large = 0
    for swaps in _swaps(len(ours), permutations, seed):
        moved = swaps @ gap
        differences = np.abs(ours.aggregate(sums + moved) - ours.aggregate(other_sums - moved))
        as_large += int((differences >= observed - 1e-9).sum())
    return (1 + as_large) / (1 + permutations)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction of `p_values`, in their order: never below the raw value, at most 1."""
    corrected = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def smallest_visible_difference(standard_error: float, items: int, full_range: float = 1.0, alpha: float = 0.05) -> float:
    """The true difference a test on this many items would find four times out of five.

    (z(1 - alpha/2) + z(0.8)) * standard error of the paired difference, i.e. 2.80 standard errors at alpha 0.05
    (Cohen 1988). Where the items show no spread at all the formula would promise everything; then it is the difference
    that ceil(log2(2/alpha)) items make, six at 0.05, as fewer cannot reach alpha in a permutation test.

    Args:
        standard_error: of the difference, in the metric's unit.
        items: how many were compared.
        full_range: distance between the best and the worst score an item can have.
        alpha: level of the test.
    """
    if standard_error > 0:
        normal = NormalDist()
        return (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)) * standard_error
    return full_range * min(1.0, math.ceil(math.log2(2 / alpha)) / items)


def rank_correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Spearman's rho, ties given their mean rank; None where one side has fewer than two different values."""
    if len(set(left)) < 2 or len(set(right)) < 2:
        return None
    return float(np.corrcoef(_mean_ranks(left), _mean_ranks(right))[0, 1])


def _mean_ranks(values: Sequence[float]) -> Floats:
    _, places, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    last_ranks = np.cumsum(counts)
    ranks: Floats = (last_ranks - (counts - 1) / 2)[places]
    return ranks


def _percentile_interval(value: float, draws: Floats) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _weights(items: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each resample draws each item: blocks of shape [some resamples, items]."""
    if items == 0:
        raise ValueError("there are no items to resample")
    random = np.random.default_rng(seed)
    for size in _blocks(items, resamples):
        yield random.multinomial(items, np.full(items, 1 / items), size=size).astype(np.float64)


def _swaps(items: int, permutations: int, seed: int) -> Iterator[Floats]:
    """Which items each permutation swaps (1) and keeps (0): blocks of shape [some permutations, items]."""
    random = np.random.default_rng(seed)
    for size in _blocks(items, permutations):
        yield random.integers(0, 2, size=(size, items)).astype(np.float64)


def _blocks(items: int, rows: int) -> Iterator[int]:
    block = max(1, _BLOCK_CELLS // items)
    for start in range(0, rows, block):
        yield min(block, rows - start)
