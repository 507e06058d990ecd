"""Learning curves as they are stored, and computed again from the predictions they name."""

from collections.abc import Sequence
from typing import Literal

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import StoreError
from anytasktune.evaluation import MeasuredSize, learning_curve, score_system
from anytasktune.ids import content_id
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import PredictionSet, Task, TaskReport
from anytasktune.schema.learning_curve import LearningCurve, LearningCurves
from anytasktune.settings import EvalConfig
from anytasktune.store import Project, find_artifact, read_record, read_ref, record_kind

LEARNING_CURVES = record_kind(LearningCurves, lambda curves: curves.id)


def curves_record(task: Task, dataset: str, split: Literal["dev", "test"], curves: Sequence[LearningCurve]) -> LearningCurves:
    """The record of a task's curves, named by its content."""
    content = [task.name, dataset, split, [curve.model_dump(mode="json") for curve in curves]]
    return LearningCurves(
        id=content_id(content),
        task=task.name,
        titles=task.title,
        metric=task.scored_by,
        lower_is_better=task.scored_by in LOWER_IS_BETTER,
        dataset=dataset,
        split=split,
        curves=list(curves),
    )


def curves_of(context: TrainingContext, dataset: FrozenDataset, report: TaskReport) -> LearningCurves | None:
    """The last learning curves of a task, if they lead to the very Task-LM that a report is about; worked out as it is."""
    project = context.workspace.project
    folder = project.learning_curves(report.task)
    last = read_ref(folder)
    curves = find_artifact(folder, LEARNING_CURVES, last) if last else None
    own = curves.of("tuned") if curves else None
    runs = {result.run for result in report.systems if result.system == "tuned" and result.run}
    if curves is None or own is None or report.definition is None or f"{report.task}/{own.points[-1].run}" not in runs:
        return None
    try:
        return curves_again(project, report.definition, dataset, curves, context.settings.eval)
    except StoreError as error:
        context.note(f"the learning curve of {report.task} is left out: {error.problems[0]}")
        return None


def curves_again(
    project: Project, task: Task, dataset: FrozenDataset, stored: LearningCurves, config: EvalConfig
) -> LearningCurves:
    """Learning curves computed again from the stored predictions they name.

    Raises:
        StoreError: predictions are missing or damaged.
        EvaluationError: they do not go together with the rows.
    """
    rows, curves = dataset.splits.get(stored.split, []), []
    for curve in stored.curves:
        sizes = []
        for point in curve.points:
            answers = read_record(project.predictions(task.name) / f"{point.predictions}.json", PredictionSet)
            sizes.append(MeasuredSize(point.rows, score_system(task, rows, answers), point.seconds, point.run))
        curves.append(learning_curve(task, rows, curve.learner, sizes, config))
    return curves_record(task, stored.dataset, stored.split, curves)
