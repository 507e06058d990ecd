"""The record of how good a router is: on test inputs, on inputs of no task of its pool, and beside named tasks."""

from pydantic import Field

from anytasktune.outputs import Metric
from anytasktune.records import Artifact, Name, Record
from anytasktune.schema.interval import Interval
from anytasktune.schema.route import Abstention
from anytasktune.schema.run import AnswerThreshold


class TaskRouting(Record):
    """Test inputs of one task."""

    task: Name
    inputs: int
    right: int
    """Those whose likeliest task is their own, thresholds aside."""
    routed: int
    """Those that the router sends to a task."""
    routed_right: int
    """Of these, those it sends to their own."""
    taken_for: dict[Name, int] = Field(default_factory=dict)
    """Other task → inputs whose likeliest task it is."""


class CoveragePoint(Record):
    """The effect of a threshold: how many test inputs it leaves, and how many of them go to their own task."""

    threshold: float
    """Least probability of a task."""
    routed: int
    right: int


class HeldOutTask(Record):
    """Test inputs of a task on a router that was learned without it."""

    task: Name
    inputs: int
    refused: dict[Abstention, int]
    """Reason → inputs for which it chooses no task, as it should; of the others, it sends every one to a wrong task."""


class NamedTaskGap(Record):
    """The score of one task's answers when the router chooses the task, beside that when the task is named."""

    task: Name
    metric: Metric
    system: str
    inputs: int
    """Test inputs of the task that are scored."""
    named: Interval
    """Score of all of them when the task is named."""
    routed: int
    """Those that the router sends to a task."""
    routed_named: Interval | None
    """Score of these when the task is named."""
    routed_score: Interval | None
    """Score of these with the router; an input sent to another task counts as answered wrongly."""
    difference: Interval | None
    """The latter minus the former."""


class RouterEvaluation(Artifact):
    """How good a router is."""

    id: str
    """Of what went into it."""
    router: str
    """Id of the router."""
    split: str
    test_rows: str = ""
    """Of the ids of the test rows."""
    threshold: AnswerThreshold
    least_likeness: float | None
    inputs: int
    accuracy: Interval
    """Share of test inputs whose likeliest task is their own, thresholds aside."""
    routed: int
    """Test inputs that are sent to a task."""
    routed_accuracy: Interval | None
    """Share of these that are sent to their own."""
    abstained: dict[Abstention, int]
    curve: list[CoveragePoint]
    tasks: list[TaskRouting]
    held_out: list[HeldOutTask]
    """One task after the other left out of the pool; empty for a pool of two."""
    gaps: list[NamedTaskGap]
    shared_inputs: int
    """Test inputs that are also inputs of another task, so that no router can tell their task."""
    notes: list[str] = Field(default_factory=list)
    """What was not measured, and why."""
