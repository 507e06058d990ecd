"""Training data of a Task-LM: the rows of one task, or of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anytasktune.errors import PreflightError, Problem
from anytasktune.schema import Example, SplitName, Task
from anytasktune.settings import TrainConfig
from anytasktune.training.sampling import even_shares

TaskRow = tuple[Task, Example]


@dataclass(frozen=True)
class TaskRows:
    """A task with its frozen rows.

    Attributes:
        task: the task.
        splits: its rows, without those left out.
        dataset_id: the data set they are from.
        left_out: ids of rows of train and dev that were removed: their input is in a test row of another task, or a learning
            curve or the transfer between languages trains on fewer rows.
    """

    task: Task
    splits: Mapping[SplitName, Sequence[Example]]
    dataset_id: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingData:
    """The rows of one Task-LM.

    Attributes:
        target: name of the adapter target: a task, `action-` and the name of an action, or `mixed-pool`.
        parts: the rows of each of its tasks.
    """

    target: str
    parts: tuple[TaskRows, ...]

    @classmethod
    def of_task(cls, task: Task, splits: Mapping[SplitName, Sequence[Example]], dataset_id: str) -> "TrainingData":
        """The rows of a Task-LM for one task alone."""
        return cls(task.name, (TaskRows(task, splits, dataset_id),))

    def train_rows(self, config: TrainConfig) -> tuple[TaskRow, ...]:
        """The rows trained on, task after task.

        Raises:
            PreflightError: a task has none.
        """
        if missing := [part.task.name for part in self.parts if not part.splits.get("train")]:
            raise PreflightError([Problem(f"task {name} has no training rows", fix="import some") for name in missing])
        return tuple((part.task, row) for part in self.parts for row in part.splits["train"][: config.max_train_rows])

    def rows_by_task(self, config: TrainConfig) -> dict[str, int]:
        """Number of train rows of each task, in their order."""
        return {part.task.name: len(part.splits["train"][: config.max_train_rows]) for part in self.parts}

    def dev_rows(self, config: TrainConfig) -> tuple[TaskRow, ...]:
        """The rows for early stopping, task after task; every task that has any gets its share of `max_dev_rows`."""
        given = [part.splits.get("dev", []) for part in self.parts]
        counts = even_shares([len(rows) for rows in given], config.max_dev_rows)
        chosen = zip(self.parts, given, counts, strict=True)
        return tuple((part.task, row) for part, rows, count in chosen for row in rows[:count])


def instructions(rows: Sequence[TaskRow]) -> list[tuple[str, str]]:
    """Per row a key that is equal for rows that render the same instruction."""
    return [(task.name, task.language_of(row.language)) for task, row in rows]
