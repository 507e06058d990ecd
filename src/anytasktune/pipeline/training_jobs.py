"""Trainings with the reports of their progress: what is the same wherever a Task-LM is trained."""

from pathlib import Path

from anytasktune.pipeline.events import Finished, OnEvent, Progress
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Estimate, Run
from anytasktune.store import LATEST, write_ref
from anytasktune.training.loop import Progress as StepProgress
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.tokenizing import Encode
from anytasktune.training.train_runs import Job


def training_job(
    context: TrainingContext, data: TrainingData, folder: Path, estimate: Estimate, name: str | None = None
) -> Job:
    """The job of one Task-LM, which reports its progress under `name`; unless given, that of its target."""
    return reporting_job(data, folder, context.on_event, context.encoder.encode, estimate, name)


def reporting_job(
    data: TrainingData,
    folder: Path,
    on_event: OnEvent,
    encode: Encode | None,
    estimate: Estimate | None,
    name: str | None = None,
) -> Job:
    """As `training_job`, without a project."""
    shown = name or data.target

    def on_progress(step: StepProgress) -> None:
        on_event(
            Progress(
                stage="train",
                name=shown,
                done=step.step,
                total=step.steps,
                loss=step.loss,
                seconds_left=step.seconds_left,
            )
        )

    def on_head_rows(done: int, total: int) -> None:
        on_event(Progress(stage="head", name=shown, done=done, total=total))

    return Job(data, folder, on_progress, encode, estimate, on_head_rows)


def finished_training(context: TrainingContext, folder: Path, run: Run, *, reused: bool) -> Run:
    """Let `latest` lead to a finished run, and report it; returns it."""
    write_ref(folder.parent, LATEST, folder.name)
    facts = [f"{run.steps_done} step{'' if run.steps_done == 1 else 's'}"]
    facts += [f"dev loss {run.kept.dev_loss:.3f}"] if run.kept is not None else []
    facts += ["stopped early"] if run.stopped_early else []
    context.on_event(
        Finished(
            stage="train",
            name=folder.parent.name,
            artifact=run.id,
            reused=reused,
            detail=", ".join(facts),
            seconds=run.usage.seconds,
            estimate_error=run.estimate_error,
        )
    )
    return run
