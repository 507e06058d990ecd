"""Scores of a learner at several numbers of training rows → its learning curve."""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.evaluation.source_clusters import by_source
from anytasktune.schema import Example, Task
from anytasktune.schema.learning_curve import CurvePoint, Learner, LearningCurve
from anytasktune.scorers import item_statistics
from anytasktune.scorers.intervals import score_interval
from anytasktune.scorers.power_law import project_doubling
from anytasktune.settings import EvalConfig

FEWEST_EVALUATED = 10
"""With fewer evaluated rows a curve says nothing."""


@dataclass(frozen=True)
class MeasuredSize:
    """A learner trained on so many rows, with its answers scored.

    Attributes:
        seconds: training time.
        run: id of the training run; None for the linear model.
    """

    rows: int
    scored: ScoredSystem
    seconds: float
    run: str | None = None


def learning_curve(
    task: Task, examples: Sequence[Example], learner: Learner, sizes: Sequence[MeasuredSize], config: EvalConfig
) -> LearningCurve:
    """The curve of one learner over `sizes` (the smallest first), on the rows that all of them have a score for.

    Raises:
        EvaluationError: these are fewer than `FEWEST_EVALUATED`.
    """
    rows = sorted(frozenset.intersection(*(size.scored.scored_rows for size in sizes)))
    if len(rows) < FEWEST_EVALUATED:
        what = f"only {len(rows)} rows were answered at all sizes; a learning curve takes {FEWEST_EVALUATED} at least"
        raise EvaluationError(what, where=f"task {task.name}", fix="import more rows, or lower eval.max_new_tokens")
    references = [examples[row].output for row in rows]
    statistics = [
        by_source(examples, rows, item_statistics(task, references, [size.scored.predictions[row].output for row in rows]))
        for size in sizes
    ]
    found = project_doubling([size.rows for size in sizes], statistics, config.resamples, config.seed)
    return LearningCurve(
        learner=learner,
        points=[
            CurvePoint(
                rows=size.rows,
                score=score_interval(entry, config.resamples, config.seed),
                seconds=size.seconds,
                predictions=size.scored.prediction_set,
                predictions_sha256=size.scored.sha256,
                run=size.run,
            )
            for size, entry in zip(sizes, statistics, strict=True)
        ],
        evaluated_rows=len(rows),
        outlook=found.outlook,
        slope=found.slope,
        law=found.law,
        fitted=list(found.fitted),
        gain=found.gain,
    )
