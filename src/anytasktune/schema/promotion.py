"""The Task-LM that is in production for a task: one line per change, with the evidence for it."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from anytasktune.outputs import Metric
from anytasktune.records import Name, Record
from anytasktune.schema.interval import Interval


class PromotionEvidence(Record):
    """Scores of a version beside those of what it takes the place of."""

    basis: Literal["paired_test", "report"]
    """`paired_test`: both answered the same rows. `report`: no version was in production, so it is held against the best simple
    baseline of its report."""
    source: str
    """`dev`, the name of a file of rows, or the id of the report."""
    rows: int
    """Rows both have a score on."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Other rows, by reason."""
    metric: Metric
    lower_is_better: bool = False
    score: float
    against: str = ""
    """The run in production, or the name of the baseline; empty where the report has none."""
    other_score: float | None = None
    difference: Interval | None = None
    """The new version minus the other."""
    p_value: float | None = None
    verdict: Literal["better", "worse", "inconclusive"] | None = None
    """Of the test; None where there was none."""
    minimum_detectable: float | None = None
    """The least difference that so many rows show with 80 % power."""

    @property
    def scores_lower(self) -> bool:
        """Whether the other has the better score, significantly or not."""
        if self.other_score is None:
            return False
        lead = self.score - self.other_score
        return (-lead if self.lower_is_better else lead) < 0


class Promotion(Record):
    """One line of `promotions.jsonl`: a change of the Task-LM that is in production for a task.

    The file is only ever added to. A `rollback` line takes back the last `promote` line of the task that still holds.
    """

    at: str
    """ISO 8601 in UTC."""
    by: Name
    task: Name
    change: Literal["promote", "rollback"]
    target: str = ""
    """What is in production after it: the adapter target of the run. Empty: no version, so the newest answers."""
    run: str = ""
    """Likewise, its id."""
    before: str = ""
    """The run that was in production until then."""
    evidence: PromotionEvidence | None = None
    """None for a rollback, or where a person promoted it without a report."""

    @property
    def day(self) -> str:
        """The day, in UTC."""
        return self.at[:10]


def standing_promotions(lines: Iterable[Promotion]) -> dict[str, list[Promotion]]:
    """Task → its promotions that were not rolled back, the one in production last; tasks without any are left out."""
    found: dict[str, list[Promotion]] = {}
    for line in lines:
        standing = found.setdefault(line.task, [])
        if line.change == "promote":
            standing.append(line)
        elif standing:
            standing.pop()
    return {task: standing for task, standing in found.items() if standing}
