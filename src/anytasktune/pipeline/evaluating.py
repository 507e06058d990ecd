"""Task-LMs → predictions → report: every system answers the same held-out rows, and what was answered before is found."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import EvaluationError
from anytasktune.evaluation import Budget, EvaluatedSystem, build_report, choose_shots, predict, score_system, task_report
from anytasktune.ids import content_id
from anytasktune.models.load import choose_device, choose_dtype
from anytasktune.pipeline.adapter_targets import names_with
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.reports import write_report
from anytasktune.schema import Example, PredictionSet, Report, Run, Task, TaskReport
from anytasktune.settings import TASK_LMS, EvalConfig, System, TrainConfig
from anytasktune.store import LATEST, Project, read_record, read_ref, write_record, write_ref
from anytasktune.training.train_runs import ADAPTER_FOLDER, decoding_for, finished_run, versions
from anytasktune.version import __version__

Runs = Mapping[System, Run]
"""The trainings behind the Task-LMs that are judged on one task."""


def require_held_out(bench: TrainingContext, tasks: Sequence[Task]) -> None:
    """Raises EvaluationError if a task has no rows to be judged on."""
    split = bench.settings.evaluate.split
    for task in tasks:
        if not bench.dataset(task).splits.get(split):
            what = f"task {task.name} has no {split} rows to be judged on"
            fix = f"import some: anytasktune import FILE --task {task.name} --split {split}"
            raise EvaluationError(what, where=f"data/{task.name}", fix=fix)


def evaluated_runs(bench: TrainingContext, tasks: Sequence[Task], fresh: Sequence[Run] = ()) -> list[Runs]:
    """Per task, the runs whose Task-LMs are to be judged on it: those of `fresh`, and else the last finished ones.

    A Task-LM that learned other rows of the task than it has now is left out, because it may know the test rows; so is one
    on another base model. Without `fresh`, the bench takes over the settings of the runs found.

    Raises:
        EvaluationError: without `fresh`, if a task has no such run, or the runs are on different base models.
    """
    asked = [system for system in TASK_LMS if system in bench.settings.evaluate.systems]
    if not asked:
        return [{} for _ in tasks]
    found = [_runs_of(bench, task, asked, {run.unit: run for run in fresh}) for task in tasks]
    if not fresh:
        _require_runs(tasks, found, asked[0])
        config = _common_config([next(iter(runs.values())) for runs in found])
        bench.settings = replace(bench.settings, train=config)
    return [{system: run for system, run in runs.items() if _on_this_base(bench, run)} for runs in found]


def _runs_of(bench: TrainingContext, task: Task, asked: Sequence[System], fresh: Mapping[str, Run]) -> dict[System, Run]:
    found: dict[System, Run] = {}
    for system, unit in names_with(bench.workspace.domain, task):
        run = fresh.get(unit) or latest_run(bench.workspace.project, unit)
        if run is None or system not in asked or system in found or task.name not in run.tasks:
            continue
        if run.datasets[task.name] == bench.dataset(task).manifest.id:
            found[system] = run
        else:
            bench.listener.note(f"{unit}: not judged on {task.name}, whose rows or their division have changed since training")
    return {system: found[system] for system in TASK_LMS if system in found}


def latest_run(project: Project, unit: str) -> Run | None:
    """The last finished run of a unit."""
    identity = read_ref(project.runs(unit))
    return finished_run(project.runs(unit) / identity) if identity else None


def _require_runs(tasks: Sequence[Task], found: Sequence[Runs], first: System) -> None:
    missing = [task.name for task, runs in zip(tasks, found, strict=True) if not runs]
    if missing:
        granularity = "" if first == "tuned" else f" --granularity {first}"
        fix = f"train it first: anytasktune train {' '.join(missing)}{granularity}"
        raise EvaluationError(f"no Task-LM yet for {', '.join(missing)} as the rows are now", fix=fix)


def _common_config(runs: Sequence[Run]) -> TrainConfig:
    """The config of runs that are on one base model: an adapter answers only on the model it was trained on."""
    if len({(run.base_model.fingerprint, run.config.dtype) for run in runs}) > 1:
        models = ", ".join(f"{run.unit or run.tasks[0]} on {run.base_model.name}" for run in runs)
        raise EvaluationError(f"the Task-LMs are on different base models: {models}", fix="evaluate them one by one")
    return runs[0].config


def _on_this_base(bench: TrainingContext, run: Run) -> bool:
    here = bench.model_info.ref.fingerprint, bench.settings.train.dtype
    if (run.base_model.fingerprint, run.config.dtype) == here:
        return True
    bench.listener.note(f"{run.unit or run.tasks[0]}: not compared, it is on another base model, {run.base_model.name}")
    return False


def compare(bench: TrainingContext, tasks: Sequence[tuple[Task, Runs]]) -> Report:
    """The report on some tasks, written to `artifacts/reports`."""
    config = bench.settings.evaluate
    reports = [_report_on(bench, task, runs, config) for task, runs in tasks]
    report = build_report(
        domain=bench.workspace.domain.name,
        model=bench.settings.train.model,
        tasks=reports,
        config=config,
        versions=versions(),
        machine=machine(bench.settings.train),
    )
    folder = bench.workspace.project.reports / report.id
    write_report(report, folder)
    write_ref(folder.parent, LATEST, report.id)
    return report


def _report_on(bench: TrainingContext, task: Task, runs: Runs, config: EvalConfig) -> TaskReport:
    dataset = bench.dataset(task)
    held_out = dataset.splits.get(config.split, [])
    rows = held_out[: config.max_rows]
    train = dataset.splits.get("train", [])
    longest = max((len(bench.model_info.format.answer_ids(row.output)) for row in train), default=64)
    budget = Budget(config.max_new_tokens or decoding_for(task, longest).max_new_tokens, config.batch_tokens)
    judged = [
        score_system(task, rows, _answers(bench, task, (dataset, rows), contestant, budget), contestant.shown or None)
        for contestant in _contestants(bench.workspace.project, task, choose_shots(task, train, config.shots), runs)
        if contestant.system in config.systems
    ]
    made = {line.example for line in dataset.lineage if line.split == config.split}
    return task_report(task, rows, judged, runs, config, len(held_out), sum(row.id in made for row in rows))


def _contestants(project: Project, task: Task, shots: tuple[Example, ...], runs: Runs) -> list[EvaluatedSystem]:
    folders = {system: project.runs(run.unit or task.name) / run.id / ADAPTER_FOLDER for system, run in runs.items()}
    untuned = [EvaluatedSystem("base"), EvaluatedSystem("few_shot", shots=shots)]
    return untuned + [EvaluatedSystem(system, adapter=folder) for system, folder in folders.items()]


def _answers(
    bench: TrainingContext,
    task: Task,
    data: tuple[FrozenDataset, Sequence[Example]],
    contestant: EvaluatedSystem,
    budget: Budget,
) -> PredictionSet:
    dataset, rows = data
    config = bench.settings.evaluate
    adapter = contestant.adapter.parent.name if contestant.adapter else None
    precision = choose_dtype(bench.settings.train.dtype, choose_device(bench.settings.train.device))
    asked = [contestant.system, [shot.id for shot in contestant.shots], adapter, budget.max_new_tokens, precision]
    identity = content_id([task.model_dump(), [row.id for row in rows], bench.model_info.ref.fingerprint, asked, __version__])
    path = bench.workspace.project.predictions(task.name) / f"{identity}.json"
    if path.exists():
        bench.listener.answered(task.name, contestant.system, built=False)
        return read_record(path, PredictionSet)
    done = 0

    def on_rows(count: int) -> None:
        nonlocal done
        done += count
        bench.listener.answering(task.name, contestant.system, done, len(rows))

    bench.listener.answering(task.name, contestant.system, 0, len(rows))
    predictions, usage = predict(bench.base, task, rows, contestant, budget, on_rows)
    answers = PredictionSet(
        id=identity,
        task=task.name,
        system=contestant.system,
        dataset=dataset.manifest.id,
        split=config.split,
        run=adapter,
        predictions=predictions,
        usage=usage,
    )
    write_record(path, answers)
    bench.listener.answered(task.name, contestant.system, built=True)
    return answers


def machine(config: TrainConfig) -> str:
    """What the numbers were measured on, in words."""
    device = choose_device(config.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} {device.type} threads"
    return f"{platform.system()} {platform.machine()}, {name}, {choose_dtype(config.dtype, device)}"
