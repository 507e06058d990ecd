"""The simple baselines of a task: fitted on its training rows, then they answer the same held-out rows as all systems."""

import time
from collections.abc import Sequence
from dataclasses import replace

from anytasktune.baselines import LINEAR_MODELS, ConstantAnswer, LinearModel, NearestRow, linear_model_id
from anytasktune.datasets import FrozenDataset
from anytasktune.evaluation import ScoredSystem, score_system
from anytasktune.ids import content_id
from anytasktune.pipeline.events import Finished, Meter
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import AnsweringUsage, Example, Prediction, PredictionSet, Task
from anytasktune.settings import SIMPLE, System
from anytasktune.store import find_or_make, record_kind
from anytasktune.version import __version__

PREDICTIONS = record_kind(PredictionSet, lambda predictions: predictions.id)


def score_simple(context: TrainingContext, task: Task, dataset: FrozenDataset, rows: Sequence[Example]) -> list[ScoredSystem]:
    """The scores of the simple baselines that suit the task; none where they are switched off or there are no training rows."""
    train = dataset.splits.get("train", [])[: context.settings.train.max_train_rows]
    wanted = [system for system in SIMPLE if system in context.settings.eval.evaluated and train]
    scored: list[ScoredSystem] = []
    for system in wanted:
        if system != "linear":
            scored.append(_scored(context, task, dataset, (train, rows), system))
        elif task.output.linear_target:
            scored.append(score_linear(context, task, dataset, (train, rows)))
    return scored


def linear_model(context: TrainingContext, task: Task, train: Sequence[Example]) -> LinearModel:
    """The linear model of these rows, kept or new; EvaluationError where no linear model gives such answers."""
    folder, identity = context.workspace.project.baselines(task.name), linear_model_id(task, train)
    return find_or_make(folder, LINEAR_MODELS, identity, lambda: LinearModel.fit(task, train), note=context.note)[0]


def score_linear(
    context: TrainingContext, task: Task, dataset: FrozenDataset, data: tuple[Sequence[Example], Sequence[Example]]
) -> ScoredSystem:
    """The scores of the linear model of some training rows on other rows: `data` is both, in this order."""
    project, meter = context.workspace.project, Meter(context.on_event, "answer", task.name, 1, "linear")
    model = linear_model(context, task, data[0])
    meter.update(1, 1)
    kept_at = (project.baselines(task.name) / model.manifest.id).relative_to(project.root).as_posix()
    scored = _scored(context, task, dataset, data, "linear", model)
    return replace(scored, kept_at=kept_at, train_rows=model.manifest.train_rows, train_seconds=model.manifest.usage.seconds)


def _scored(
    context: TrainingContext,
    task: Task,
    dataset: FrozenDataset,
    data: tuple[Sequence[Example], Sequence[Example]],
    system: System,
    model: LinearModel | None = None,
) -> ScoredSystem:
    train, rows = data
    asked = [task.definition, task.scored_by, [row.id for row in train], [row.id for row in rows]]
    identity = content_id([task.name, system, asked, __version__])

    def make() -> PredictionSet:
        ready = model or (ConstantAnswer if system == "constant" else NearestRow).of(task, train)
        start = time.monotonic()
        answers = ready.answer(rows)
        seconds = round(time.monotonic() - start, 4)
        return PredictionSet(
            id=identity,
            task=task.name,
            system=system,
            dataset=dataset.manifest.id,
            split=context.settings.eval.split,
            predictions=[
                Prediction(example_id=row.id, system=system, **answer.model_dump())
                for row, answer in zip(rows, answers, strict=True)
            ],
            usage=AnsweringUsage(seconds=seconds, answers=len(rows), machine=context.machine),
        )

    folder = context.workspace.project.predictions(task.name)
    answers, made = find_or_make(folder, PREDICTIONS, identity, make, latest=None, note=context.note)
    context.on_event(Finished(stage="answer", name=task.name, system=system, artifact=identity, reused=not made))
    return score_system(task, rows, answers)
