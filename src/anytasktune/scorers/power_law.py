"""A power law through the scores at several numbers of training rows: what twice the rows would bring.

share(n) = limit - gap * n^-exponent with 0 <= limit <= 1, gap >= 0 and exponent > 0 (Hestness et al. 2017; Viering and Loog
2021 find it the best of the simple laws for extrapolation), the score as a share of the best one, fitted by least squares.
Bands are from draws of a Bayesian bootstrap in which every evaluated row has the same weight at all sizes, so that what the
sizes have in common cancels out. To each size its own noise is added, because another training on as many rows would score
otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import Interval
from anytasktune.schema.learning_curve import TRAINING_SPREAD, FittedScore, Outlook, PowerLaw
from anytasktune.scorers.intervals import CONFIDENCE, Floats, blocks
from anytasktune.scorers.metrics import ItemStatistics

_EXPONENTS = 0.05 * 1.18 ** np.arange(26)
"""From nearly a straight line over the logarithm of the rows (0.05) to level at once (3.1)."""
_DRAWN_SIZES = 9
_MOSTLY = 0.9
"""Share of the draws in which a straight line must fit better before the law is not believed."""


@dataclass(frozen=True)
class Projection:
    """Outlook of a learner; the attributes are those of `LearningCurve`."""

    outlook: Outlook
    slope: Interval
    law: PowerLaw | None = None
    fitted: tuple[FittedScore, ...] = ()
    gain: Interval | None = None


@dataclass(frozen=True)
class _Laws:
    """Many fitted laws: arrays of one shape."""

    limit: Floats
    gap: Floats
    exponent: Floats
    residual: Floats
    """Sum of squared distances from the scores."""

    def share(self, rows: float) -> Floats:
        return np.asarray(self.limit - self.gap * rows**-self.exponent)


def project_doubling(
    rows: Sequence[int], statistics: Sequence[ItemStatistics], resamples: int = 2000, seed: int = 0
) -> Projection:
    """The outlook from statistics on the same evaluated rows (two at least) at three sizes or more, the smallest first."""
    sizes, first = np.array(rows, dtype=np.float64), statistics[0]
    error, width = first.metric in LOWER_IS_BETTER, first.full_range
    seen, drawn = _shares(np.array([entry.value() for entry in statistics]), first), _draw_shares(statistics, resamples, seed)
    slope = _interval(_slopes(sizes, seen), _slopes(sizes, drawn), width)
    if slope.low <= 0:
        return Projection("flat", slope)
    law, laws = _fit(sizes, np.clip(seen, 0, 1)), _fit(sizes, np.clip(drawn, 0, 1))
    if (_line_residuals(sizes, np.clip(drawn, 0, 1)) < laws.residual - 1e-12).mean() >= _MOSTLY:
        return Projection("no_law", slope)
    fitted = []
    for size in np.geomspace(sizes[0], 2 * sizes[-1], _DRAWN_SIZES):
        at = _interval(law.share(size), laws.share(size))
        ends = [width * (1 - end) for end in (at.value, at.high, at.low)] if error else [at.value, at.low, at.high]
        fitted.append(FittedScore(rows=float(size), score=Interval(value=ends[0], low=ends[1], high=ends[2])))
    gains = [fit.share(2 * sizes[-1]) - fit.share(sizes[-1]) for fit in (law, laws)]
    found = PowerLaw(limit=float(law.limit), gap=float(law.gap), exponent=float(law.exponent))
    return Projection("rising", slope, found, tuple(fitted), _interval(gains[0], gains[1], width))


def _shares(values: Floats, like: ItemStatistics) -> Floats:
    return 1 - values / like.full_range if like.metric in LOWER_IS_BETTER else values


def _draw_shares(statistics: Sequence[ItemStatistics], resamples: int, seed: int) -> Floats:
    """Scores [resamples, sizes] under random weights of the rows, spread as those of a t distribution."""
    from scipy.special import stdtrit  # noqa: PLC0415

    random, items = np.random.default_rng(seed), len(statistics[0])
    parts = []
    for count in blocks(items, resamples):
        weights = random.standard_exponential((count, items))
        columns = [_shares(entry.aggregate(weights @ entry.columns), entry) for entry in statistics]
        parts.append(np.stack(columns, axis=1))
    drawn = np.concatenate(parts)
    tail = (1 - CONFIDENCE) / 2
    few = float(stdtrit(items - 1, 1 - tail) / stdtrit(1e9, 1 - tail)) * np.sqrt((items + 1) / (items - 1))
    center = drawn.mean(axis=0)
    noise = TRAINING_SPREAD * random.standard_normal(drawn.shape)
    return np.asarray(center + few * (drawn - center) + noise)


def _slopes(sizes: Floats, shares: Floats) -> Floats:
    """Least-squares rise per doubling: shares [..., sizes] → [...]."""
    doublings = np.log2(sizes) - np.log2(sizes).mean()
    return np.asarray(shares @ doublings / (doublings**2).sum())


def _line_residuals(sizes: Floats, shares: Floats) -> Floats:
    doublings = np.log2(sizes) - np.log2(sizes).mean()
    centered = shares - shares.mean(axis=-1, keepdims=True)
    return np.asarray(((centered - _slopes(sizes, shares)[..., np.newaxis] * doublings) ** 2).sum(axis=-1))


def _fit(sizes: Floats, shares: Floats) -> _Laws:
    """The best law for each of shares [..., sizes]: least squares for limit and gap at every exponent tried."""
    terms = sizes[np.newaxis, :] ** -_EXPONENTS[:, np.newaxis]
    means = terms.mean(axis=1)
    centered = terms - means[:, np.newaxis]
    gap = np.maximum(0.0, -(shares @ centered.T) / (centered**2).sum(axis=1))
    limit = shares.mean(axis=-1)[..., np.newaxis] + gap * means
    beyond = limit > 1
    gap = np.where(beyond, ((1 - shares) @ terms.T) / (terms**2).sum(axis=1), gap)
    limit = np.where(beyond, 1.0, limit)
    expected = limit[..., np.newaxis] - gap[..., np.newaxis] * terms
    residuals = ((shares[..., np.newaxis, :] - expected) ** 2).sum(axis=-1)
    best = residuals.argmin(axis=-1)

    def chosen(values: Floats) -> Floats:
        return np.asarray(np.take_along_axis(values, best[..., np.newaxis], axis=-1)[..., 0])

    return _Laws(chosen(limit), chosen(gap), _EXPONENTS[best], chosen(residuals))


def _interval(value: Floats, draws: Floats, width: float = 1.0) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    middle = float(value)
    return Interval(value=width * middle, low=width * min(middle, float(low)), high=width * max(middle, float(high)))
