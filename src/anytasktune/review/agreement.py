"""How far people agree with each other and with the judge, beyond what chance alone would give.

Cohen's kappa (Cohen 1960, "A coefficient of agreement for nominal scales") for two raters, Fleiss' kappa (Fleiss 1971,
"Measuring nominal scale agreement among many raters") for several; intervals by the percentile bootstrap over items (Efron and
Tibshirani 1993, ch. 13). Items with the same ratings are one cell: a resample is the draw of a number for each cell.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anytasktune.review.gated import GatedRows
from anytasktune.review.review_log import by_reviewer, first_decisions
from anytasktune.schema import Review

Floats = NDArray[np.float64]

JUDGE = "judge"
FEWEST_ITEMS = 30
"""From fewer items no kappa is more than a hint."""
WIDEST = 0.4
"""An interval wider than this leaves open whether agreement is poor or good."""
_RESAMPLES = 2000
_DEFINED = 0.5

Remark = Literal["nothing_in_common", "one_answer", "too_few", "no_difference", "wide", ""]
"""What keeps a kappa from saying much: no item in common; all ratings are the same, which leaves nothing to explain; too few
items; not one difference, so that the interval is too narrow; a wide interval."""


@dataclass(frozen=True)
class Kappa:
    """Agreement of some raters.

    Attributes:
        raters: their names.
        items: how many items they have in common.
        observed: share of pairs of ratings of an item that are the same; None without items.
        value: kappa: 1 is full agreement, 0 what chance would give, below 0 less than that; None where it is not defined.
        low, high: its 95 % interval; None where resampling gives none.
    """

    raters: tuple[str, ...]
    items: int
    observed: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def remark(self) -> Remark:
        """The first thing a reader must know before trusting the number."""
        if not self.items:
            return "nothing_in_common"
        if self.value is None:
            return "one_answer"
        if self.items < FEWEST_ITEMS:
            return "too_few"
        if self.observed == 1:
            return "no_difference"
        return "wide" if self.low is None or self.high is None or self.high - self.low > WIDEST else ""


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable], raters: tuple[str, str] = ("first", "second")) -> Kappa:
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


def fleiss_kappa(ratings: Sequence[Sequence[Hashable]], raters: tuple[str, ...] = ()) -> Kappa:
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


def agreement(gated: GatedRows, reviews: Iterable[Review]) -> list[Kappa]:
    """Agreement of every two people, of all of them where there are more, and of each with the judge.

    Among people the categories are accept, edit and reject. With the judge they are right and not right as it was made: the
    judge passed it or not, the person accepted it, or edited or rejected it. Decisions on candidates that are not in this set
    count among people too. What counts is a person's first decision that holds: a later one may have been made in view of what
    the others said.
    """
    standing = {
        reviewer: {key: review.decision for key, review in first_decisions(lines).items()}
        for reviewer, lines in by_reviewer(reviews).items()
    }
    standing = {reviewer: said for reviewer, said in standing.items() if said}
    found = [_between(standing, pair) for pair in combinations(standing, 2)]
    if len(standing) > 2:
        keys = dict.fromkeys(key for said in standing.values() for key in said)
        ratings = [[said[key] for said in standing.values() if key in said] for key in keys]
        found.append(fleiss_kappa(ratings, tuple(standing)))
    judged = _judged(gated)
    return found + [_with_judge(judged, reviewer, said) for reviewer, said in standing.items() if judged]


def _between(standing: Mapping[str, Mapping[str, str]], pair: tuple[str, str]) -> Kappa:
    first, second = (standing[reviewer] for reviewer in pair)
    common = [key for key in first if key in second]
    return cohen_kappa([first[key] for key in common], [second[key] for key in common], pair)


def _with_judge(judged: Mapping[str, bool], reviewer: str, said: Mapping[str, str]) -> Kappa:
    common = [key for key in said if key in judged]
    return cohen_kappa([said[key] == "accept" for key in common], [judged[key] for key in common], (reviewer, JUDGE))


def _judged(gated: GatedRows) -> dict[str, bool]:
    """Whether the judge, whose verdicts are those with a score, passed a candidate."""
    return {verdict.candidate: verdict.passed for verdict in gated.verdicts if verdict.score is not None}


def _kappa(
    raters: tuple[str, ...], counts: Sequence[int], parts: Callable[[Floats], tuple[Floats, Floats]], seed: int = 0
) -> Kappa:
    """Kappa from the number of items per cell; `parts`: weights [draws, cells] → observed and chance agreement."""
    items = sum(counts)
    if not items:
        return Kappa(raters, 0)
    weights = np.array([counts], dtype=np.float64)
    observed, by_chance = parts(weights)
    value = _beyond_chance(observed, by_chance)[0]
    draws = np.random.default_rng(seed).multinomial(items, weights[0] / items, size=_RESAMPLES).astype(np.float64)
    drawn = _beyond_chance(*parts(draws))
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or len(drawn) < _DEFINED * _RESAMPLES:
        return Kappa(raters, items, float(observed[0]), None if np.isnan(value) else float(value))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Kappa(raters, items, float(observed[0]), float(value), min(float(low), float(value)), max(float(high), float(value)))


def _beyond_chance(observed: Floats, by_chance: Floats) -> Floats:
    """Kappa; not a number where chance alone would give full agreement."""
    room = 1 - by_chance
    return np.where(room > 1e-12, (observed - by_chance) / np.where(room > 1e-12, room, 1.0), np.nan)
