"""The expected cost of training, as `tune --dry-run` prints it."""

from collections.abc import Sequence

from anytasktune.records import Record
from anytasktune.schema.dataset import SplitName
from anytasktune.schema.run import Estimate


class TaskPlan(Record):
    """Expected cost of training one Task-LM."""

    task: str
    """The adapter target: a task, `action-` and the name of an action, or `mixed-pool`."""
    rows: dict[SplitName, int]
    """Rows per split; of train those that `max_train_rows` leaves."""
    rank: int
    learning_rate: float
    epochs: float
    steps: int
    """Optimiser steps, if the run is not stopped early."""
    prefix_tokens: int
    """Tokens of the longest instruction that rows share, read once per step."""
    tokens: int
    """Tokens the model would process in all, dev evaluations left out."""
    plain_tokens: int
    """The same without sharing the prefix."""
    seconds: float
    """How long training is expected to take on this machine, looks at dev included."""
    memory_bytes: int
    """Most memory it is expected to need."""
    disk_bytes: int
    """Size of the adapter's weights on disk."""
    trained: bool
    """Whether the Task-LM exists already, so that nothing would be done."""
    answer_seconds: float
    """How long `eval` is expected to let it answer its held-out rows; with a task's first Task-LM, the untuned systems too."""


def total_estimate(plans: Sequence[TaskPlan]) -> Estimate:
    """Cost of training all that is not trained yet."""
    left = [row for row in plans if not row.trained]
    return Estimate.total(Estimate(tokens=row.tokens, seconds=row.seconds, memory_bytes=row.memory_bytes) for row in left)
