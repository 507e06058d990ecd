"""The mean of human marks, estimated from a judge's marks of all rows and human marks of some.

The difference (regression) estimator of two-phase sampling, known as prediction-powered inference (Angelopoulos et al. 2023;
with the weight chosen from the data, PPI++ 2024). N rows have the judge's mark J, n of them drawn at random also a person's H:

    estimate = mean over n of (H - w J) + w * mean over N of J          w = cov(H, J) / var(J), within 0 and 1
    variance = var(H) / N + var(H - w J) * (1/n - 1/N)

With a judge that agrees with people the second part is small; with one that says nothing, w is 0 and the human marks decide.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from anytasktune.schema.interval import Interval
from anytasktune.scorers.intervals import CONFIDENCE

_TAIL = 1 - (1 - CONFIDENCE) / 2


def corrected_mean(judge: Sequence[float], human: dict[int, float]) -> Interval:
    """The mean human mark of all rows with its 95 % interval, from 0 to 1.

    Args:
        judge: the judge's mark of every row.
        human: place of a row → a person's mark of it; at least three.
    """
    marks, places = np.array(judge, dtype=np.float64), sorted(human)
    seen, said = marks[places], np.array([human[place] for place in places])
    spread = float(seen.var(ddof=1))
    weight = min(1.0, max(0.0, float(np.cov(said, seen)[0, 1]) / spread)) if spread > 0 else 0.0
    rest = said - weight * seen
    few, many = len(places), len(marks)
    error = float(np.sqrt(said.var(ddof=1) / many + rest.var(ddof=1) * (1 / few - 1 / many)))
    return _within(float(rest.mean() + weight * marks.mean()), error, few - 2 if weight > 0 else few - 1)


def shifted_mean(judge: Sequence[float], errors: Sequence[float]) -> Interval:
    """The mean of the judge's marks, corrected by errors (human minus judge) seen on rows of other systems.

    Assumes that the judge errs alike on all systems.
    """
    marks, shift = np.array(judge, dtype=np.float64), np.array(errors, dtype=np.float64)
    error = float(np.sqrt(marks.var(ddof=1) / len(marks) + shift.var(ddof=1) / len(shift)))
    return _within(float(marks.mean() + shift.mean()), error, len(shift) - 1)


def uncorrected_mean(judge: Sequence[float]) -> Interval:
    """The mean of the judge's own marks; its interval does not account for the judge's errors."""
    marks = np.array(judge, dtype=np.float64)
    error = float(marks.std(ddof=1) / np.sqrt(len(marks))) if len(marks) > 1 else 0.5
    return _within(float(marks.mean()), error, max(1, len(marks) - 1))


def _within(value: float, error: float, freedom: int) -> Interval:
    from scipy.special import stdtrit  # noqa: PLC0415

    wide = float(stdtrit(freedom, _TAIL)) if freedom > 0 else NormalDist().inv_cdf(_TAIL)
    value = min(1.0, max(0.0, value))
    return Interval(value=value, low=max(0.0, value - wide * error), high=min(1.0, value + wide * error))
