"""Data sets → Task-LMs → report, each made once and found again by what went into it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from anytasktune.pipeline.adapter_targets import Granularity, training_data
from anytasktune.pipeline.building import build
from anytasktune.pipeline.evaluating import compare, evaluated_runs, require_held_out
from anytasktune.pipeline.events import Listener, Silent
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.training_forecast import forecast
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Estimate, Report, Run
from anytasktune.settings import Settings
from anytasktune.store import LATEST, write_ref
from anytasktune.training.estimate import total
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import Job, finished_run, run_id, train_task_lms


def train(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    granularity: Granularity = "task",
) -> list[Run]:
    """Train a Task-LM per task, per action, for the pool, or all of these; what is trained already is found, not made again.

    Raises:
        AnyTaskTuneError: for anything the user can mend; see `anytasktune.errors`.
    """
    bench = TrainingContext(workspace, settings or Settings(), listener or Silent())
    data = training_data(bench, workspace.tasks(task_names), granularity)
    return train_units(bench, data)


def train_units(bench: TrainingContext, data: Sequence[TrainingData]) -> list[Run]:
    """Train, or find, the Task-LMs for these data, on one base model that is loaded only if there is something to train."""
    config, ref = bench.settings.train, bench.model_info.ref
    folders = {item.unit: bench.workspace.project.runs(item.unit) / run_id(ref, item, config) for item in data}
    runs: dict[str, Run] = {}
    for unit, folder in folders.items():
        if (run := finished_run(folder)) is not None:
            runs[unit] = _trained(bench, folder, run, built=False)
    missing = [item for item in data if item.unit not in runs]
    if missing:
        estimates = forecast(bench, missing)
        bench.listener.estimated(len(missing), total(list(estimates.values())))
        jobs = [_job(bench, item, folders[item.unit], estimates[item.unit]) for item in missing]
        for job, run in train_task_lms(bench.base, jobs, config, bench.listener.note):
            runs[job.data.unit] = _trained(bench, job.folder, run, built=True)
    return [runs[item.unit] for item in data]


def _job(bench: TrainingContext, data: TrainingData, folder: Path, estimate: Estimate) -> Job:
    return Job(data, folder, partial(bench.listener.training, data.unit), bench.encoder.encode, estimate)


def _trained(bench: TrainingContext, folder: Path, run: Run, *, built: bool) -> Run:
    write_ref(folder.parent, LATEST, folder.name)
    bench.listener.trained(folder.parent.name, run, built=built)
    return run


def evaluate(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, listener: Listener | None = None
) -> Report:
    """Let base, few-shot and the Task-LMs answer the same held-out rows and compare them.

    Raises:
        EvaluationError: if a task has no Task-LM yet, or no held-out rows.
    """
    bench = TrainingContext(workspace, settings or Settings(), listener or Silent())
    tasks = workspace.tasks(task_names)
    require_held_out(bench, tasks)
    runs = evaluated_runs(bench, tasks)
    return compare(bench, list(zip(tasks, runs, strict=True)))


def tune(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    granularity: Granularity = "task",
) -> Report:
    """The whole chain: freeze → check → train → predict → score → compare → report. What is already made is skipped.

    Where a teacher is named, data sets are built with it first. Task-LMs of another granularity that were trained before are
    compared with, too.
    """
    settings = settings or Settings()
    if settings.teacher.name:
        build(workspace, task_names, settings, listener)
    bench = TrainingContext(workspace, settings, listener or Silent())
    tasks = workspace.tasks(task_names)
    require_held_out(bench, tasks)
    data = training_data(bench, tasks, granularity)
    runs = train_units(bench, data)
    return compare(bench, list(zip(tasks, evaluated_runs(bench, tasks, runs), strict=True)))
