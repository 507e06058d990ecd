"""Correction of p values for many tests, rank correlation, and the agreement of raters with its interval."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

from anytasktune.schema import FEWEST_RATED, Agreement, Interval
from anytasktune.schema.review import AgreementRemark
from anytasktune.scorers.intervals import CONFIDENCE, RESAMPLES, Floats, blocks

WIDEST = 0.4
"""A wider interval of kappa leaves open whether agreement is poor or good."""
_LEAST_DEFINED = 0.5
"""Share of resamples in which kappa must be defined for an interval to be given."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction of `p_values`, in their order: never below the raw value, at most 1."""
    corrected = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def rank_correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Spearman's rho, ties given their mean rank; None where one side has fewer than two different values."""
    if len(set(left)) < 2 or len(set(right)) < 2:
        return None
    return float(np.corrcoef(_mean_ranks(left), _mean_ranks(right))[0, 1])


def cohen_kappa(
    first: Sequence[Hashable], second: Sequence[Hashable], raters: tuple[str, str] = ("first", "second")
) -> Agreement:
    """Cohen's kappa of two raters' categories for the same items, in the same order.

    (p_o - p_e) / (1 - p_e), where p_o is the share of equal ratings and p_e the sum over categories of the product of both
    raters' shares. Not defined where both used one and the same category throughout (p_e = 1).

    Raises:
        ValueError: not the same number of ratings of both.
    """
    cells = Counter(zip(first, second, strict=True))
    categories = {category: place for place, category in enumerate(dict.fromkeys(c for cell in cells for c in cell))}
    rows = np.array([categories[one] for one, _ in cells], dtype=np.intp)
    columns = np.array([categories[two] for _, two in cells], dtype=np.intp)
    one_hot = np.eye(len(categories))

    def parts(weights: Floats) -> tuple[Floats, Floats]:
        shares = weights / weights.sum(axis=1, keepdims=True)
        by_chance = (shares @ one_hot[rows]) * (shares @ one_hot[columns])
        return shares @ (rows == columns).astype(np.float64), by_chance.sum(axis=1)

    return _kappa(raters, list(cells.values()), parts)


def fleiss_kappa(ratings: Sequence[Sequence[Hashable]], raters: tuple[str, ...] = ()) -> Agreement:
    """Fleiss' kappa of the categories that raters, not always the same ones, gave each item.

    (P - P_e) / (1 - P_e), where P is the mean over items of the share of equal pairs of ratings and P_e the sum of the squared
    shares of the categories among all ratings. Where items have different numbers of ratings, each counts alike in P and each
    rating alike in P_e; with equal numbers that is Fleiss' formula. Items with fewer than two ratings are left out.
    """
    patterns = Counter(frozenset(Counter(each).items()) for each in ratings if len(each) > 1)
    categories = sorted({category for pattern in patterns for category, _ in pattern}, key=repr)
    ordered = sorted(patterns, key=lambda pattern: repr(sorted(pattern, key=repr)))
    counts = np.array([[dict(pattern).get(category, 0) for category in categories] for pattern in ordered], dtype=np.float64)

    def parts(weights: Floats) -> tuple[Floats, Floats]:
        sizes = counts.sum(axis=1)
        alike = (counts * (counts - 1)).sum(axis=1) / (sizes * (sizes - 1))
        given = weights @ counts
        shares = given / given.sum(axis=1, keepdims=True)
        return weights @ alike / weights.sum(axis=1), (shares**2).sum(axis=1)

    return _kappa(raters, [patterns[pattern] for pattern in ordered], parts)


def _kappa(
    raters: tuple[str, ...], counts: Sequence[int], parts: Callable[[Floats], tuple[Floats, Floats]], seed: int = 0
) -> Agreement:
    """Kappa from the number of items per cell; `parts`: weights [draws, cells] → observed and chance agreement."""
    items = sum(counts)
    if not items:
        return Agreement(raters=raters, items=0, remark="nothing_in_common")
    cells = np.array(counts, dtype=np.float64)
    all_observed, by_chance = parts(cells[np.newaxis])
    observed, kappa = float(all_observed[0]), float(_beyond_chance(all_observed, by_chance)[0])
    if np.isnan(kappa):
        return Agreement(raters=raters, items=items, observed=observed, remark="one_answer")
    draws = np.concatenate([_beyond_chance(*parts(weights)) for weights in _weights(cells, RESAMPLES, seed)])
    draws = draws[~np.isnan(draws)]
    interval = _percentile_interval(kappa, draws) if len(draws) >= _LEAST_DEFINED * RESAMPLES else None
    low, high = (interval.low, interval.high) if interval else (None, None)
    remark: AgreementRemark = "" if low is not None and high is not None and high - low <= WIDEST else "wide"
    remark = "too_few" if items < FEWEST_RATED else "no_difference" if observed == 1 else remark
    return Agreement(raters=raters, items=items, observed=observed, kappa=kappa, low=low, high=high, remark=remark)


def _beyond_chance(observed: Floats, by_chance: Floats) -> Floats:
    """Kappa; not a number where chance alone would give full agreement."""
    room = 1 - by_chance
    return np.where(room > 1e-12, (observed - by_chance) / np.where(room > 1e-12, room, 1.0), np.nan)


def _mean_ranks(values: Sequence[float]) -> Floats:
    _, places, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    last_ranks = np.cumsum(counts)
    ranks: Floats = (last_ranks - (counts - 1) / 2)[places]
    return ranks


def _percentile_interval(value: float, draws: Floats) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _weights(counts: Floats, resamples: int, seed: int) -> Iterator[Floats]:
    """Resamples of cells that hold so many items each: how many of each cell are drawn, in blocks [some resamples, cells]."""
    items = int(counts.sum())
    if items == 0:
        raise ValueError("there are no items to resample")
    random = np.random.default_rng(seed)
    for size in blocks(len(counts), resamples):
        yield random.multinomial(items, counts / items, size=size).astype(np.float64)
