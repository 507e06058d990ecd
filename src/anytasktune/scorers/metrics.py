"""The metrics, each as sufficient statistics per item and a function of their sums.

Every metric of a set of answers is a function of column sums over items, so that it can be worked out for thousands of
resamples with one matrix product: `aggregate(weights @ columns)`. The columns of each metric:

    accuracy                [right, 1]
    macro_f1                for each label of the references: [hit ..., in reference ..., in output ...]
    set_f1, json_f1         [facts in both, facts in reference + facts in output]
    rouge_l, token_f1       [F1 of the row, 1]
    mae                     [absolute error, 1]
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anytasktune.outputs import LOWER_IS_BETTER, Metric, OutputKind, reference_number
from anytasktune.schema import Task
from anytasktune.text.numbers import first_number
from anytasktune.text.overlap import rouge_l, token_f1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ItemStatistics:
    """The contribution of each item to a metric.

    Attributes:
        metric: the metric the columns belong to.
        columns: float64, shape [items, k]; what the columns are is said in the module's docstring.
        full_range: distance between the best and the worst value an item can have.
        group_sizes: where items are groups of rows, the number of rows in each.
    """

    metric: Metric
    columns: Floats
    full_range: float = 1.0
    group_sizes: Floats | None = None

    def __len__(self) -> int:
        return len(self.columns)

    def aggregate(self, sums: Floats) -> Floats:
        """The metric from sums over items: shape [..., k] → [...].

        A sum of items may hold an item several times (a bootstrap resample) or leave it out.
        """
        return _METRICS[self.metric].aggregate(sums)

    def value(self) -> float:
        """The metric over all items."""
        return float(self.aggregate(self.columns.sum(axis=0)))

    def take(self, rows: Sequence[int]) -> "ItemStatistics":
        """The statistics of some of the items, in the order of `rows`."""
        chosen, sizes = list(rows), self.group_sizes
        return replace(self, columns=self.columns[chosen], group_sizes=None if sizes is None else sizes[chosen])

    def summed_by(self, groups: Sequence[Hashable]) -> "ItemStatistics":
        """The statistics of groups of items as if each were one item; `groups` names the group of each item."""
        numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
        sums = np.zeros((len(numbers), self.columns.shape[1]))
        places = [numbers[group] for group in groups]
        np.add.at(sums, places, self.columns)
        return replace(self, columns=sums, group_sizes=np.bincount(places).astype(np.float64))

    @property
    def effective_items(self) -> float:
        """Number of items; of groups of unequal size the number of equal ones that would tell as much (Kish 1965)."""
        sizes = self.group_sizes
        return float(len(self)) if sizes is None else float(sizes.sum() ** 2 / (sizes**2).sum())

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share of items that are each right or wrong."""
        right, counted = self.columns[:, 0], self.columns[:, -1]
        of_mean = _METRICS[self.metric].aggregate is _mean and self.full_range == 1
        return of_mean and bool((counted == 1).all() and np.isin(right, (0, 1)).all())

    def ends(self, reach: float = 4.0) -> tuple[Floats, Floats]:
        """The worst and the best item possible, each of the size of the mean item.

        The worst error is the width of the range, but at most `reach` times the largest one seen: ranges can be very wide.
        """
        if self.metric not in LOWER_IS_BETTER:
            return _METRICS[self.metric].ends(self.columns)
        size, largest = self.columns[:, 1].mean(), float((self.columns[:, 0] / self.columns[:, 1]).max())
        worst = min(self.full_range, reach * largest) if largest > 0 else self.full_range
        return np.array([worst * size, size]), np.array([0.0, size])


def item_statistics(task: Task, references: Sequence[str], outputs: Sequence[str]) -> ItemStatistics:
    """The sufficient statistics of `outputs` against `references` (same order) under the metric of `task`.

    References and outputs are compared after stripping outer white space. Where labels differ by language, `macro_f1` is
    over what they mean, not over each language's words.

    Raises:
        ValueError: the two differ in length, or a reference of a number task holds no number.
    """
    pairs = [(reference.strip(), output.strip()) for reference, output in zip(references, outputs, strict=True)]
    metric = task.scored_by
    if metric == "macro_f1":
        same = [[task.in_first_language(text, reference) for text in (reference, output)] for reference, output in pairs]
        return ItemStatistics(metric, _label_counts([(reference, output) for reference, output in same]))
    columns = [_METRICS[metric].columns(task.output, reference, output) for reference, output in pairs]
    full_range = task.output.full_range if metric in LOWER_IS_BETTER else 1.0
    return ItemStatistics(metric, np.array(columns, dtype=np.float64).reshape(len(pairs), 2), full_range)


def item_value(task: Task, reference: str, output: str) -> float:
    """The score of one answer in the metric's terms: 1 or 0 for a label, F1 of the row, or absolute error."""
    metric = _METRICS["accuracy" if task.scored_by == "macro_f1" else task.scored_by]
    return float(metric.aggregate(np.array(metric.columns(task.output, reference.strip(), output.strip()))))


def share_of_best(task: Task, value: float) -> float:
    """A value of the task's metric as a share of the best one, from 0 to 1; an error is turned round."""
    return max(0.0, 1 - value / task.output.full_range) if task.scored_by in LOWER_IS_BETTER else value


def _exact(output: OutputKind, reference: str, given: str) -> tuple[float, float]:
    return float(reference == given), 1.0


def _fact_counts(output: OutputKind, reference: str, given: str) -> tuple[float, float]:
    expected, stated = output.facts(reference), output.facts(given)
    return float(len(expected & stated)), float(len(expected) + len(stated))


def _absolute_error(output: OutputKind, reference: str, given: str) -> tuple[float, float]:
    """Distance of the first number in `given` from the one in `reference`.

    An answer without a number counts as the width of the task's range. So does a number further off than that: an
    answer far outside the range ("2019" on a scale from 1 to 7) is no worse than none.
    """
    width, number = output.full_range, first_number(given)
    return width if number is None else min(abs(number - reference_number(reference)), width), 1.0


def _label_counts(pairs: Sequence[tuple[str, str]]) -> Floats:
    labels = sorted({reference for reference, _ in pairs})
    expected = np.array([[reference == label for label in labels] for reference, _ in pairs], dtype=np.float64)
    given = np.array([[output == label for label in labels] for _, output in pairs], dtype=np.float64)
    expected, given = expected.reshape(len(pairs), len(labels)), given.reshape(len(pairs), len(labels))
    return np.concatenate([expected * given, expected, given], axis=1)


def _mean(sums: Floats) -> Floats:
    return _ratio(sums[..., 0], sums[..., 1], empty=np.nan)


def _micro_f1(sums: Floats) -> Floats:
    """2·common / (expected + given). Where nothing was expected and nothing given, every answer is right: 1."""
    return _ratio(2 * sums[..., 0], sums[..., 1], empty=1.0)


def _macro_f1(sums: Floats) -> Floats:
    """Mean over the labels that occur in the references; an answer outside of them is a miss of the expected label."""
    hits, expected, given = np.split(sums, 3, axis=-1)
    occurs = expected > 0
    per_label = _ratio(2 * hits, expected + given, empty=0.0) * occurs
    return _ratio(per_label.sum(axis=-1), occurs.sum(axis=-1).astype(np.float64), empty=np.nan)


def _ratio(numerator: Floats, denominator: Floats, empty: float) -> Floats:
    return np.divide(numerator, denominator, out=np.full_like(numerator, empty), where=denominator > 0)


def _ends_of_mean(columns: Floats) -> tuple[Floats, Floats]:
    size = columns[:, 1].mean()
    return np.array([0.0, size]), np.array([size, size])


def _ends_of_micro_f1(columns: Floats) -> tuple[Floats, Floats]:
    facts = columns[:, 1].mean()
    return np.array([0.0, facts]), np.array([facts / 2, facts])


def _ends_of_macro_f1(columns: Floats) -> tuple[Floats, Floats]:
    expected = np.split(columns.mean(axis=0), 3)[1]
    return np.concatenate([0 * expected, expected, expected]), np.concatenate([expected] * 3)


@dataclass(frozen=True)
class _Definition:
    """A metric: the two columns of an item (output kind, reference, answer), the metric of their sums, the extreme items."""

    columns: Callable[[OutputKind, str, str], tuple[float, float]]
    aggregate: Callable[[Floats], Floats]
    ends: Callable[[Floats], tuple[Floats, Floats]] = _ends_of_mean


_METRICS: dict[Metric, _Definition] = {
    "accuracy": _Definition(_exact, _mean),
    "macro_f1": _Definition(_exact, _macro_f1, _ends_of_macro_f1),
    "set_f1": _Definition(_fact_counts, _micro_f1, _ends_of_micro_f1),
    "json_f1": _Definition(_fact_counts, _micro_f1, _ends_of_micro_f1),
    "rouge_l": _Definition(lambda _, reference, given: (rouge_l(reference, given), 1.0), _mean),
    "token_f1": _Definition(lambda _, reference, given: (token_f1(reference, given), 1.0), _mean),
    "mae": _Definition(_absolute_error, _mean),
}
