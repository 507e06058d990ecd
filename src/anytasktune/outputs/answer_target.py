"""Targets for the answers of new rows, so that all kinds of answers are covered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.outputs.rules import Rules

ENOUGH_ANSWERS = 5
"""From so many known answers (per label, on average) on, how often something comes up in them is taken to mean something."""
_MOST_COUNTS = 6
_WITHOUT_DATA = (1, 2, 3)
FILLED, EMPTY = "+", "-"
"""Targets of a field of a JSON answer about which nothing else is known."""


@dataclass(frozen=True)
class AnswerTarget:
    """A wish for the answer of one new row; fields that are not set are left to the teacher.

    Attributes:
        label: the answer, or one of the answer's items, where there is a closed list.
        items: how many items the answer has.
        low, high: between which numbers it lies.
        field: of a JSON answer, which is to have `value`, or to be `FILLED` or `EMPTY`.
    """

    label: str = ""
    items: int | None = None
    low: float | None = None
    high: float | None = None
    field: str = ""
    value: str = ""

    @property
    def aspect(self) -> str:
        """The target without its label, in one short line; empty where there is nothing else."""
        if self.items is not None:
            return f"items={self.items}"
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}"
        return f"{self.field}={self.value}" if self.field else ""


def label_shares(labels: Sequence[str], seen: Counter[str]) -> dict[str, float]:
    """The share of rows each label should get.

    Even shares; where there are answers enough to tell how often each comes up, the mean of an even share and that.
    """
    total, even = sum(seen[label] for label in labels), 1 / len(labels)
    if total < ENOUGH_ANSWERS * len(labels):
        return dict.fromkeys(labels, even)
    return {label: (even + seen[label] / total) / 2 for label in labels}


def item_counts(rules: Rules, seen: Sequence[int]) -> list[int]:
    """Numbers of items to aim at: those of known answers and the fewest that are allowed."""
    low, high = rules.min_items, rules.max_items
    if not seen:
        first = 1 if low is None else low
        found = list(range(first, (high if high is not None else first + 3) + 1)) if (low or high) else list(_WITHOUT_DATA)
    else:
        usual = [count for count, _ in Counter(seen).most_common(_MOST_COUNTS)]
        found = sorted({*usual, *([] if low is None else [low])})
    fitting = [count for count in found if (low is None or count >= low) and (high is None or count <= high)]
    return (fitting or [low or 1])[:_MOST_COUNTS]
