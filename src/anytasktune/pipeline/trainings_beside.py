"""Trainings on a part of the rows, kept apart from those of `train`: no other command uses them, and `latest` stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anytasktune.errors import counted
from anytasktune.pipeline.events import Finished, Started
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.training_jobs import training_job
from anytasktune.schema import Estimate, Example, Run, SplitName
from anytasktune.settings import TrainConfig
from anytasktune.training.run_plan import estimate_run, plan_run
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import reusable_run, train_task_lms


@dataclass(frozen=True)
class PartTraining:
    """A training on a part of a task's rows.

    Attributes:
        folder: of its run.
        name: what its progress is shown under.
    """

    data: TrainingData
    config: TrainConfig
    folder: Path
    name: str

    @property
    def rows(self) -> int:
        """Rows trained on."""
        return sum(self.data.rows_by_task(self.config).values())

    def estimate(self, context: TrainingContext) -> Estimate:
        """Its expected cost; only the tokenizer is loaded."""
        info, encode = context.model_info, context.encoder.encode
        plan = plan_run(info, self.data, self.config, dtype=context.dtype, device=context.device.type, encode=encode)
        return estimate_run(plan, info, self.config, context.speed)


def finished_parts(context: TrainingContext, trainings: Sequence[PartTraining]) -> dict[Path, Run]:
    """The runs that are there already, by their folder."""
    found = {one.folder: reusable_run(one.folder, context.note) for one in trainings}
    return {folder: run for folder, run in found.items() if run is not None}


def train_parts(
    context: TrainingContext, trainings: Sequence[PartTraining], kind: Literal["Task-LM", "label head"], on: str
) -> dict[Path, Run]:
    """The runs by their folder: those that are there, and the others trained now, on one base model.

    Args:
        trainings: of one task, with equal settings.
        kind: what is trained.
        on: the rows, in words.
    """
    found = finished_parts(context, trainings)
    missing = [one for one in trainings if one.folder not in found]
    if not missing:
        return found
    target, estimates = missing[0].data.target, [one.estimate(context) for one in missing]
    name = f"{target}: {counted(len(missing), kind)} on {on}"
    context.on_event(Started(stage="train", name=name, estimate=Estimate.total(estimates)))
    jobs = [
        training_job(context, one.data, one.folder, cost, f"{target}, {one.name}")
        for one, cost in zip(missing, estimates, strict=True)
    ]
    for job, run in train_task_lms(context.base, jobs, missing[0].config, context.note):
        found[job.folder] = run
        done = counted(run.steps_done, "step") if kind == "Task-LM" else kind
        detail = f"{counted(run.train_rows, 'row')}, {done}"
        context.on_event(Finished(stage="train", name=target, artifact=run.id, detail=detail, seconds=run.usage.seconds))
    return found


def part_of(rows: TaskRows, kept: Mapping[SplitName, Sequence[Example]]) -> TaskRows:
    """The rows of a task of which these splits hold only what is `kept`; the others are noted as left out."""
    ids = {row.id for part in kept.values() for row in part}
    left_out = tuple(row.id for split in kept for row in rows.splits.get(split, []) if row.id not in ids)
    return replace(rows, splits={**rows.splits, **kept}, left_out=left_out)
