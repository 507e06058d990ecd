"""Dev scores during training: the task's metric over answers made as evaluation makes them, on as many rows as are worth it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from anytasktune.inference.task_predictor import BATCH_TOKENS, TaskPredictor
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.models.shape import ModelShape
from anytasktune.schema import Decoding, Task
from anytasktune.scorers import item_statistics, share_of_best
from anytasktune.training.batches import RowSet
from anytasktune.training.estimate import Answering, Work, answering_seconds, estimate, nominal_speed
from anytasktune.training.task_rows import TaskRow

_LARGEST_SHARE = 0.15
"""Of the training's time that generating answers to score may take."""
_FEWEST_ROWS = 24
_NOMINAL_RATE = 2e11
"""Operations per second of a laptop. Not that of this machine: which weights are kept must not depend on its speed."""


@dataclass(frozen=True)
class DevScorer:
    """Scores an adapter on dev rows.

    Attributes:
        base: the model, without adapters while it is asked.
        rows: the dev rows, task after task.
        decoding: task → how its answers are made.
    """

    base: BaseLM
    rows: Sequence[TaskRow]
    decoding: Mapping[str, Decoding]

    def score(self, adapter: Adapter) -> float | None:
        """The metric as a share of its best value, the mean over tasks; None where no row could be answered."""
        shares = [self._share_of(task, adapter) for task in {task.name: task for task, _ in self.rows}.values()]
        known = [share for share in shares if share is not None]
        return fmean(known) if known else None

    def _share_of(self, task: Task, adapter: Adapter) -> float | None:
        rows = [row for owner, row in self.rows if owner.name == task.name]
        answers = TaskPredictor(self.base, task, self.decoding[task.name], adapter=adapter).answer(rows)
        scored = [(row.output, answer.output) for row, answer in zip(rows, answers, strict=True) if answer.error is None]
        if not scored:
            return None
        references, outputs = zip(*scored, strict=True)
        return share_of_best(task, item_statistics(task, references, outputs).value())


def generated_dev_rows(rows: int, dev: RowSet, work: Work, shape: ModelShape, rank: int, evals: int) -> int:
    """The number of dev rows to answer at every evaluation where answers are generated token by token.

    All, or the half, a quarter and so on of them, so that answering takes at most 15 % of the training's time; none, so
    that dev loss decides alone, where these are fewer than 24.

    Args:
        rows: dev rows at most.
        dev: what they are like.
        evals: evaluations of the run, that of the average included.
    """
    speed = nominal_speed(_NOMINAL_RATE, shape, rank)
    most = _LARGEST_SHARE * estimate(work, shape, speed, 0).seconds / evals
    while rows >= _FEWEST_ROWS and answering_seconds(dev, shape, Answering(rows, BATCH_TOKENS), speed) > most:
        rows //= 2
    return rows if rows >= _FEWEST_ROWS else 0
