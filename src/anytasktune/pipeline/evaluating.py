"""Task-LMs → predictions → report: every system answers the same held-out rows, and what was answered before is found."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import EvaluationError
from anytasktune.evaluation import EvaluatedSystem, build_report, predict, score_system, task_report
from anytasktune.ids import content_id
from anytasktune.inference.few_shot import choose_shots
from anytasktune.inference.task_lm import read_task_lm
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
"""The trainings behind the Task-LMs that are evaluated on one task."""


def require_held_out(bench: TrainingContext, tasks: Sequence[Task]) -> None:
    """Raises EvaluationError if a task has no rows to be evaluated on."""
    split = bench.settings.eval.split
    for task in tasks:
        if not bench.dataset(task).splits.get(split):
            what = f"task {task.name} has no {split} rows to evaluate on"
            fix = f"import some: anytasktune import FILE --task {task.name} --split {split}"
            raise EvaluationError(what, where=f"data/{task.name}", fix=fix)


def evaluated_runs(bench: TrainingContext, tasks: Sequence[Task], fresh: Sequence[Run] = ()) -> list[Runs]:
    """Per task, the runs whose Task-LMs are to be evaluated on it: those of `fresh`, and else the last finished ones.

    A Task-LM that learned other rows of the task than it has now is left out, because it may know the test rows; so is one
    that was trained for another instruction, output or rules, and one on another base model. Without `fresh`, the bench takes
    over the settings of the runs found.

    Raises:
        EvaluationError: without `fresh`, if a task has no such run, or the runs are on different base models.
    """
    asked = [system for system in TASK_LMS if system in bench.settings.eval.systems]
    if not asked:
        return [{} for _ in tasks]
    found = [_runs_of(bench, task, asked, {run.unit: run for run in fresh}) for task in tasks]
    if not fresh:
        _require_runs(tasks, found, asked[0])
        config = _common_config([next(iter(runs.values())) for runs in found])
        bench.settings = bench.settings.model_copy(update={"train": config})
    return [{system: run for system, run in runs.items() if _on_this_base(bench, run)} for runs in found]


def _runs_of(bench: TrainingContext, task: Task, asked: Sequence[System], fresh: Mapping[str, Run]) -> dict[System, Run]:
    found: dict[System, Run] = {}
    for system, unit in names_with(bench.workspace.domain, task):
        run = fresh.get(unit) or latest_run(bench.workspace.project, unit)
        if run is None or system not in asked or system in found or task.name not in run.tasks:
            continue
        trained_for = read_task_lm(_adapter_folder(bench.workspace.project, task, run)).task(task.name)
        if run.datasets[task.name] != bench.dataset(task).manifest.id:
            bench.listener.note(f"{unit}: not evaluated on {task.name}, whose rows or splits have changed since training")
        elif edited := [name for name, value in task.definition.items() if value != trained_for.definition[name]]:
            differ = f"{' and '.join(edited)} {'differs' if edited in (['instruction'], ['output']) else 'differ'}"
            bench.listener.note(f"{unit}: not evaluated on {task.name}, whose {differ} from domain.yaml; train it again")
        else:
            found[system] = run
    return {system: found[system] for system in TASK_LMS if system in found}


def _adapter_folder(project: Project, task: Task, run: Run) -> Path:
    return project.runs(run.unit or task.name) / run.id / ADAPTER_FOLDER


def latest_run(project: Project, unit: str) -> Run | None:
    """The last finished run of a unit."""
    identity = read_ref(project.runs(unit))
    return finished_run(project.runs(unit) / identity) if identity else None


def _require_runs(tasks: Sequence[Task], found: Sequence[Runs], first: System) -> None:
    missing = [task.name for task, runs in zip(tasks, found, strict=True) if not runs]
    if missing:
        granularity = "" if first == "tuned" else f" --granularity {first}"
        fix = f"train it first: anytasktune train {' '.join(missing)}{granularity}"
        raise EvaluationError(f"no Task-LM yet for {', '.join(missing)} as the task and its rows are now", fix=fix)


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
    config = bench.settings.eval
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
    scored = [
        score_system(task, rows, _answers(bench, (dataset, rows), system), system.shown or None)
        for system in _systems(bench, task, train, runs)
        if system.name in config.systems
    ]
    made = {line.example for line in dataset.lineage if line.split == config.split}
    return task_report(task, rows, scored, runs, config, len(held_out), sum(row.id in made for row in rows))


def _systems(bench: TrainingContext, task: Task, train: Sequence[Example], runs: Runs) -> list[EvaluatedSystem]:
    """The untuned systems, asked as the task is today, and the Task-LMs, asked as they were trained."""
    config = bench.settings.eval
    longest = max((len(bench.model_info.format.answer_ids(row.output)) for row in train), default=64)
    limit = {"max_new_tokens": config.max_new_tokens} if config.max_new_tokens else {}
    decoding = decoding_for(task, longest).model_copy(update=limit)
    systems = [EvaluatedSystem("base", task, decoding)]
    systems.append(EvaluatedSystem("few_shot", task, decoding, choose_shots(task, train, config.shots)))
    for name, run in runs.items():
        folder = _adapter_folder(bench.workspace.project, task, run)
        trained = read_task_lm(folder)
        decoding = trained.decoding[task.name].model_copy(update=limit)
        systems.append(EvaluatedSystem(name, trained.task(task.name), decoding, adapter=folder, task_lm=trained.id))
    return systems


def _answers(bench: TrainingContext, data: tuple[FrozenDataset, Sequence[Example]], system: EvaluatedSystem) -> PredictionSet:
    dataset, rows = data
    config, task = bench.settings.eval, system.task
    precision = choose_dtype(bench.settings.train.dtype, choose_device(bench.settings.train.device))
    asked = [task.definition, system.decoding.model_dump(), [shot.id for shot in system.shots], system.task_lm]
    model = [bench.model_info.ref.fingerprint, bench.model_info.format.fingerprint, precision]
    identity = content_id([task.name, system.name, asked, model, [row.id for row in rows], __version__])
    path = bench.workspace.project.predictions(task.name) / f"{identity}.json"
    if path.exists():
        bench.listener.answered(task.name, system.name, built=False)
        return read_record(path, PredictionSet)
    done = 0

    def on_rows(count: int) -> None:
        nonlocal done
        done += count
        bench.listener.answering(task.name, system.name, done, len(rows))

    bench.listener.answering(task.name, system.name, 0, len(rows))
    predictions, usage = predict(bench.base, system, rows, config.batch_tokens, on_rows)
    answers = PredictionSet(
        id=identity,
        task=task.name,
        system=system.name,
        decoding=system.decoding,
        dataset=dataset.manifest.id,
        split=config.split,
        task_lm=system.task_lm,
        predictions=predictions,
        usage=usage,
    )
    write_record(path, answers)
    bench.listener.answered(task.name, system.name, built=True)
    return answers


def machine(config: TrainConfig) -> str:
    """What the numbers were measured on, in words."""
    device = choose_device(config.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} {device.type} threads"
    return f"{platform.system()} {platform.machine()}, {name}, {choose_dtype(config.dtype, device)}"
