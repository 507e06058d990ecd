"""95 % intervals of scores and of differences between two systems on the same items.

The draws are those of a Bayesian bootstrap (Rubin 1981): every item gets a random weight instead of a random count. Two
pseudo-items of half an item's weight are added, the worst and the best one possible, so that items that happen to be alike
do not promise that all items are (an ordinary bootstrap of twelve right answers gives 1.00 to 1.00). For shares of right
answers that is a beta distribution, and the interval is Jeffreys' (Brown, Cai and DasGupta 2001), without any draws. Where
the draws vary less than the jackknife's standard error (macro F1 of labels with a row or two), they are stretched to it; for
groups of rows that error has the width of a t distribution with as many degrees of freedom as there are groups of equal size.

Measured coverage: docs/decisions/0031-intervals-at-the-edges.md; `python -m benchmarks.coverage` measures it again.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import Interval
from anytasktune.scorers.metrics import ItemStatistics

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 2000
BLOCK_CELLS = 4_000_000
"""Most cells (draws x items) in memory at a time."""
_PSEUDO = 0.5
"""Weight of a pseudo-item, where an item has 1 (Jeffreys' prior)."""
_FEW_DIFFERENT = 5
"""With fewer items on which two systems differ, their spread says nothing of the items not seen."""
_REACH = 4.0
"""Otherwise pseudo-items of a difference are at most so many standard deviations off."""


def score_interval(statistics: ItemStatistics, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The metric over the items with its 95 % interval.

    Raises:
        ValueError: there are no items.
    """
    if not len(statistics):
        raise ValueError("there are no items")
    value = statistics.value()
    if statistics.is_share:
        return share_interval(round(statistics.columns[:, 0].sum()), len(statistics))
    worst, best = statistics.ends()
    mean, alike = statistics.columns.mean(axis=0), (1 - CONFIDENCE) / 2
    # all items at one end: the weight of those unlike them is that of an exact binomial bound
    share = alike ** (1 / len(statistics))
    error, scale = _error_of_groups(statistics), [float(statistics.aggregate(end)) for end in (worst, best)]
    bounds = _limits(_draw(statistics, (worst, best), resamples, seed), error, scale)
    if statistics.metric in LOWER_IS_BETTER:  # how far an error could reach does not raise the lower limit
        bounds = _limits(_draw(statistics, statistics.ends(reach=1.0), resamples, seed), error, scale)[0], bounds[1]
    for end, other in ((best, worst), (worst, best)):
        if abs(value - float(statistics.aggregate(end))) < 1e-12:
            bound = float(statistics.aggregate(share * mean + (1 - share) * other))
            bounds = min(value, bound), max(value, bound)
    return Interval(value=value, low=min(value, bounds[0]), high=max(value, bounds[1]))


def share_interval(right: int, items: int) -> Interval:
    """A share of right answers with its interval by Jeffreys; `items` is at least 1."""
    low, high = _jeffreys(right, items)
    return Interval(value=right / items, low=low, high=high)


def difference_interval(ours: ItemStatistics, theirs: ItemStatistics, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The difference ours minus theirs on the same items, in the same order, with its 95 % interval.

    One pseudo-item is best for ours and worst for theirs, the other the reverse. Where the systems differ on five items or
    more, both are at most four standard deviations off the mean: texts differ by little, never by the whole scale.
    """
    width = max(abs(_span(ours)), abs(_span(theirs)))
    different = int((ours.columns != theirs.columns).any(axis=1).sum())
    error = standard_error(ours, theirs)
    near = min(1.0, _REACH * error * math.sqrt(len(ours)) / width) if different >= _FEW_DIFFERENT else 1.0
    (our_worst, our_best), (their_worst, their_best) = _drawn_in(ours, near), _drawn_in(theirs, near)
    draws = _draw(ours, (our_worst, our_best), resamples, seed) - _draw(theirs, (their_best, their_worst), resamples, seed)
    value = ours.value() - theirs.value()
    low, high = _limits(draws, error, [-width, width])
    return Interval(value=value, low=min(value, low), high=max(value, high))


def independent_difference(ours: ItemStatistics, theirs: ItemStatistics, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The difference ours minus theirs on two sets of items that have nothing to do with each other, with its 95 % interval."""
    width, other_seed = max(abs(_span(ours)), abs(_span(theirs))), np.random.SeedSequence([seed, 1]).generate_state(1)[0]
    draws = _draw(ours, ours.ends(), resamples, seed) - _draw(theirs, theirs.ends(), resamples, int(other_seed))
    value, error = ours.value() - theirs.value(), math.hypot(standard_error(ours), standard_error(theirs))
    low, high = _limits(draws, error, [-width, width])
    return Interval(value=value, low=min(value, low), high=max(value, high))


def standard_error(ours: ItemStatistics, theirs: ItemStatistics | None = None) -> float:
    """Jackknife standard error of the metric, or of the difference ours minus theirs; 0 for one item."""
    if len(ours) < 2:
        return 0.0
    influences = sum(
        sign * (statistics.value() - statistics.aggregate(statistics.columns.sum(axis=0) - statistics.columns))
        for sign, statistics in ((1, ours), (-1, theirs))
        if statistics is not None
    )
    return float(np.std(influences, ddof=1)) * (len(ours) - 1) / math.sqrt(len(ours))


def _error_of_groups(statistics: ItemStatistics) -> float:
    """The standard error; of groups of rows with the width of a t distribution, since a few large ones can decide."""
    error = standard_error(statistics)
    if statistics.group_sizes is None or error == 0:
        return error
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415

    upper = 1 - (1 - CONFIDENCE) / 2
    return error * float(stdtrit(max(1.0, statistics.effective_items - 1), upper) / ndtri(upper))


def _jeffreys(right: int, items: int) -> tuple[float, float]:
    """Equal tails of Beta(right + ½, wrong + ½); where all are right or all are wrong, the exact binomial bound."""
    from scipy.special import betaincinv  # noqa: PLC0415

    tail = (1 - CONFIDENCE) / 2
    exact = tail ** (1 / items)
    if right in (0, items):
        return (exact, 1.0) if right else (0.0, 1 - exact)
    low, high = betaincinv(right + _PSEUDO, items - right + _PSEUDO, [tail, 1 - tail])
    return float(low), float(high)


def _span(statistics: ItemStatistics) -> float:
    worst, best = statistics.ends()
    return float(statistics.aggregate(best) - statistics.aggregate(worst))


def _drawn_in(statistics: ItemStatistics, near: float) -> tuple[Floats, Floats]:
    """The worst and the best item possible, moved towards the mean item: all the way at 0, not at all at 1."""
    mean = statistics.columns.mean(axis=0)
    worst, best = (mean + near * (end - mean) for end in statistics.ends())
    return worst, best


def _draw(statistics: ItemStatistics, pseudo: tuple[Floats, ...], resamples: int, seed: int) -> Floats:
    """The metric under random weights of the items and pseudo-items; equal seeds weigh equal places alike."""
    columns = np.vstack([statistics.columns, *pseudo])
    weights = _weights(len(statistics), len(pseudo), resamples, seed)
    return np.concatenate([statistics.aggregate(block @ columns) for block in weights])


def _weights(items: int, pseudo: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Weights [some resamples, items + pseudo]; metrics are ratios, so they need not add up to anything."""
    random = np.random.default_rng(seed)
    for rows in blocks(items, resamples):
        weights = random.standard_exponential((rows, items + pseudo))
        weights[:, items:] = random.standard_gamma(_PSEUDO, (rows, pseudo))
        yield weights


def _limits(draws: Floats, error: float, scale: Sequence[float]) -> tuple[float, float]:
    """The quantiles of the draws, stretched to the standard error where they vary less, within the scale."""
    tail = (1 - CONFIDENCE) / 2
    low, middle, high = np.quantile(draws, [tail, 0.5, 1 - tail])
    stretch = max(1.0, error / float(draws.std())) if draws.std() > 0 else 1.0
    limits = np.clip([middle + stretch * (low - middle), middle + stretch * (high - middle)], min(scale), max(scale))
    return float(limits[0]), float(limits[1])


def blocks(items: int, rows: int) -> Iterator[int]:
    """`rows` in parts of at most `BLOCK_CELLS` cells, one row at least."""
    block = max(1, BLOCK_CELLS // max(1, items))
    for start in range(0, rows, block):
        yield min(block, rows - start)
