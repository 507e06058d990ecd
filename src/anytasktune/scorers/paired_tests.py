"""Two systems on the same items: the difference, its p value and what a test of this size detects."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from anytasktune.schema import Interval
from anytasktune.scorers.intervals import CONFIDENCE, RESAMPLES, Floats, blocks, difference_interval, standard_error
from anytasktune.scorers.metrics import ItemStatistics

POWER = 0.8
MOST_PERMUTATIONS = 200_000
"""Where nearly no permutation is as large as the difference; enough to pass Holm's correction over a thousand tasks."""
_ENOUGH_AS_LARGE = 10
"""Permutations as large as the difference, after which no more are drawn."""
_EXACT_UP_TO = 17
"""All permutations are tried where the systems differ on at most so many items: 131,072."""
_MOST_CELLS = 100_000_000
"""Most swaps (permutations x items) drawn for one p value."""


@dataclass(frozen=True)
class PairedComparison:
    """One system against another on the same items.

    Attributes:
        difference: the first system minus the second, with its 95 % interval.
        p_value: two-sided, of the paired test.
        standard_error: of the difference, by the jackknife.
        different: number of items on which the two differ.
    """

    difference: Interval
    p_value: float
    standard_error: float
    different: int


def compare_paired(ours: ItemStatistics, theirs: ItemStatistics, resamples: int = RESAMPLES, seed: int = 0) -> PairedComparison:
    """Compare two systems on the same items in the same order.

    The interval reaches over 0 exactly where the test does not reject at its level: it is widened to 0 there, else cut at 0.
    Little coverage is lost by that, since the test does not reject more often than its level where there is no difference.

    Raises:
        ValueError: there are no items, or not the same number of both.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} items cannot be paired with {len(theirs)}")
    if not len(ours):
        raise ValueError("there are no items")
    p_value = paired_p_value(ours, theirs, resamples, seed)
    difference = difference_interval(ours, theirs, resamples, seed)
    low, high = difference.low, difference.high
    if p_value >= 1 - CONFIDENCE:
        low, high = min(0.0, low), max(0.0, high)
    elif difference.value > 0:
        low = max(0.0, low)
    else:
        high = min(0.0, high)
    difference = difference.model_copy(update={"low": low, "high": high})
    return PairedComparison(difference, p_value, standard_error(ours, theirs), int(_differs(ours, theirs).sum()))


def paired_p_value(ours: ItemStatistics, theirs: ItemStatistics, permutations: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p value of the difference under swaps of the two systems' answers to an item.

    Right and wrong answers: McNemar's exact test. Up to 17 items with different answers: all swaps. Otherwise random ones:
    `permutations`, and if fewer than ten of them are as large as the difference, more until ten are, at most
    `MOST_PERMUTATIONS` (Besag and Clifford 1991). Never 0 (Phipson and Smyth 2010); 1 where all answers are the same.
    """
    rows = _differs(ours, theirs)
    different = int(rows.sum())
    if not different:
        return 1.0
    if ours.is_share and theirs.is_share:
        return mcnemar(int((ours.columns > theirs.columns).any(axis=1).sum()), different)
    gap = (theirs.columns - ours.columns)[rows]
    sums, other_sums = ours.columns.sum(axis=0), theirs.columns.sum(axis=0)
    observed = abs(ours.value() - theirs.value())

    def as_large(swaps: Floats) -> Floats:
        moved = swaps @ gap
        differences = np.abs(ours.aggregate(sums + moved) - ours.aggregate(other_sums - moved))
        return np.asarray(differences >= observed - 1e-9, dtype=np.float64)

    if different <= _EXACT_UP_TO:
        return float(np.concatenate([as_large(swaps) for swaps in _all_swaps(different)]).mean())
    drawn, found = 0, 0.0
    most = max(permutations, min(MOST_PERMUTATIONS, _MOST_CELLS // different))
    for swaps in _random_swaps(different, permutations, most, seed):
        large = as_large(swaps)
        tenth = np.searchsorted(np.cumsum(large), _ENOUGH_AS_LARGE - found)
        if drawn >= permutations and tenth < len(large):
            return _ENOUGH_AS_LARGE / (drawn + int(tenth) + 1)
        drawn, found = drawn + len(large), found + float(large.sum())
        if drawn == permutations and found >= _ENOUGH_AS_LARGE:
            break
    return (1 + found) / (1 + drawn)


def minimum_detectable_difference(paired: PairedComparison, items: int, full_range: float = 1.0, alpha: float = 0.05) -> float:
    """The true difference that a test on this many items detects with 80 % power.

    (z(1 - alpha/2) + z(0.8)) * standard error of the paired difference, i.e. 2.80 standard errors at alpha 0.05
    (Cohen 1988). Where the systems differ on few items the formula would promise too much; then it is at least the difference
    that ceil(log2(2/alpha)) items make, six at 0.05, as fewer cannot reach alpha in a permutation test.

    Args:
        paired: the comparison, on `items` items.
        items: number of items compared.
        full_range: distance between the best and the worst score an item can have.
        alpha: level of the test.
    """
    normal, fewest = NormalDist(), math.ceil(math.log2(2 / alpha))
    by_spread = (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)) * paired.standard_error
    if paired.different >= fewest:
        return by_spread
    return max(by_spread, full_range * min(1.0, fewest / items))


def _differs(ours: ItemStatistics, theirs: ItemStatistics) -> NDArray[np.bool_]:
    unequal: NDArray[np.bool_] = (ours.columns != theirs.columns).any(axis=1)
    return unequal


def mcnemar(ours_only: int, different: int) -> float:
    """McNemar's exact test: of the items that one system alone has right, each is ours with probability ½."""
    from scipy.special import bdtr  # noqa: PLC0415

    return min(1.0, 2 * float(bdtr(min(ours_only, different - ours_only), different, 0.5)))


def _all_swaps(items: int) -> Iterator[Floats]:
    """Every choice of items to swap (1) or keep (0): blocks of shape [some choices, items]."""
    start = 0
    for size in blocks(items, 2**items):
        numbers = np.arange(start, start + size)[:, np.newaxis]
        yield (numbers >> np.arange(items) & 1).astype(np.float64)
        start += size


def _random_swaps(items: int, permutations: int, most: int, seed: int) -> Iterator[Floats]:
    """Items that each permutation swaps (1) or keeps (0): blocks [some, items], a block ends after `permutations` of them."""
    random = np.random.default_rng(seed)
    for size in (*blocks(items, permutations), *blocks(items, most - permutations)):
        packed = random.integers(0, 256, size=(size, math.ceil(items / 8)), dtype=np.uint8)
        yield np.unpackbits(packed, axis=1, count=items).astype(np.float64)
