"""The metrics, each as sufficient statistics per item and a function of their sums.

Every metric of a set of answers is a function of column sums over items, so that it can be worked out for thousands of
resamples with one matrix product: `aggregate(weights @ columns)`. The columns of each metric:

    accuracy                [right, 1]
    macro_f1                for each label of the references: [hit ..., in reference ..., in output ...]
    set_f1, json_f1         [facts in both, facts in reference + facts in output]
    rouge_l, token_f1       [F1 of the row, 1]
    mae                     [absolute error, 1]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anytasktune.schema import LabelsOutput, Metric, NumberOutput, Task
from anytasktune.scorers.json_facts import facts_of_text
from anytasktune.scorers.overlap import rouge_l, token_f1
from anytasktune.scorers.parse import in_first_language, parse_reference_number, split_items
from anytasktune.text.numbers import first_number

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ItemStatistics:
    """What each item adds to a metric.

    Attributes:
        metric: the metric the columns belong to.
        columns: float64, shape [items, k]; what the columns are is said in the module's docstring.
    """

    metric: Metric
    columns: Floats

    def __len__(self) -> int:
        return len(self.columns)

    def aggregate(self, sums: Floats) -> Floats:
        """The metric from sums over items: shape [..., k] → [...].

        A sum of items may hold an item several times (a bootstrap resample) or leave it out.
        """
        return _AGGREGATES[self.metric](sums)

    def value(self) -> float:
        """The metric over all items."""
        return float(self.aggregate(self.columns.sum(axis=0)))

    def take(self, rows: Sequence[int]) -> "ItemStatistics":
        """The statistics of some of the items, in the order of `rows`."""
        return ItemStatistics(self.metric, self.columns[list(rows)])


def item_statistics(task: Task, references: Sequence[str], outputs: Sequence[str]) -> ItemStatistics:
    """The sufficient statistics of `outputs` against `references` (same order) under the metric of `task`.

    References and outputs are compared after stripping outer white space. Where labels differ by language, `macro_f1` is
    over what they mean, not over each language's words.

    Raises:
        ValueError: the two differ in length, or a reference of a number task holds no number.
    """
    pairs = [(reference.strip(), output.strip()) for reference, output in zip(references, outputs, strict=True)]
    if task.scored_by == "macro_f1":
        same = [[in_first_language(task, reference, text) for text in (reference, output)] for reference, output in pairs]
        return ItemStatistics("macro_f1", _label_counts([(reference, output) for reference, output in same]))
    columns = [item_columns(task, reference, output) for reference, output in pairs]
    return ItemStatistics(task.scored_by, np.array(columns, dtype=np.float64).reshape(len(pairs), 2))


def item_columns(task: Task, reference: str, output: str) -> tuple[float, float]:
    """The two columns of one item; for `macro_f1`, whose columns depend on all references, those of `accuracy`."""
    metric = task.scored_by
    if metric in ("set_f1", "json_f1"):
        return _fact_columns(task, reference, output)
    if metric == "mae":
        return absolute_error(task, reference, output), 1.0
    if metric == "rouge_l":
        return rouge_l(reference, output), 1.0
    if metric == "token_f1":
        return token_f1(reference, output), 1.0
    return float(reference == output), 1.0


def item_value(task: Task, reference: str, output: str) -> float:
    """The judgement of one answer in the metric's terms: 1 or 0 for a label, F1 of the row, or absolute error."""
    reference, output = reference.strip(), output.strip()
    columns = np.array(item_columns(task, reference, output))
    metric: Metric = "accuracy" if task.scored_by == "macro_f1" else task.scored_by
    return float(_AGGREGATES[metric](columns))


def absolute_error(task: Task, reference: str, output: str) -> float:
    """Distance of the first number in `output` from the one in `reference`.

    An output without a number counts as the width of the task's range. So does a number further off than that: an
    answer far outside the range ("2019" on a scale from 1 to 7) is no worse than none.

    Raises:
        ValueError: the reference holds no number.
    """
    if not isinstance(task.output, NumberOutput):
        raise TypeError(f"task {task.name} does not ask for a number")
    width = task.output.maximum - task.output.minimum
    number = first_number(output)
    return width if number is None else min(abs(number - parse_reference_number(reference)), width)


def _fact_columns(task: Task, reference: str, output: str) -> tuple[float, float]:
    if isinstance(task.output, LabelsOutput):
        separator = task.output.separator
        expected, given = set(split_items(reference, separator)), set(split_items(output, separator))
        return float(len(expected & given)), float(len(expected) + len(given))
    facts, stated = facts_of_text(reference), facts_of_text(output)
    return float(len(facts & stated)), float(len(facts) + len(stated))


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


_AGGREGATES: dict[Metric, Callable[[Floats], Floats]] = {
    "accuracy": _mean,
    "macro_f1": _macro_f1,
    "set_f1": _micro_f1,
    "json_f1": _micro_f1,
    "rouge_l": _mean,
    "token_f1": _mean,
    "mae": _mean,
}
