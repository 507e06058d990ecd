"""Data sets → Task-LMs → predictions → report, each made once and found again by what went into it."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import torch

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import EvaluationError, PreflightError, Problem
from anytasktune.evaluation import (
    Budget,
    Contestant,
    build_report,
    choose_shots,
    judge_system,
    predict,
    task_report,
    write_report,
)
from anytasktune.ids import content_id
from anytasktune.models.load import BaseLM, ModelInfo, choose_device, choose_dtype, inspect_model, load_base
from anytasktune.pipeline.freezing import frozen_dataset
from anytasktune.pipeline.listening import Listener, Silent
from anytasktune.pipeline.seeds import row_places
from anytasktune.pipeline.workspace import Settings, Workspace
from anytasktune.quality import Preflight, Room, preflight
from anytasktune.schema import EvalConfig, Example, PredictionSet, Report, Run, SplitName, System, Task, TaskReport, TrainConfig
from anytasktune.store import LATEST, point, pointed, read_record, write_record
from anytasktune.training.run import ADAPTER_FOLDER, TrainingData, decoding_for, finished_run, run_id, train_task, versions
from anytasktune.version import __version__


@dataclass
class Workbench:
    """A workspace with its settings and, from the first time it is needed, the base model in memory.

    All tasks of a command share the one base model: it is loaded once, and adapters come and go.
    """

    workspace: Workspace
    settings: Settings
    listener: Listener
    _datasets: dict[str, FrozenDataset] = field(default_factory=dict)

    @cached_property
    def model_info(self) -> ModelInfo:
        """What is known of the base model before its weights are loaded."""
        self.listener.loading(self.settings.train.model)
        return inspect_model(self.settings.train.model)

    @cached_property
    def base(self) -> BaseLM:
        config = self.settings.train
        return load_base(config.model, dtype=config.dtype, device=config.device)

    def dataset(self, task: Task) -> FrozenDataset:
        """The task's frozen rows, made if need be."""
        if task.name not in self._datasets:
            self._datasets[task.name] = frozen_dataset(self.workspace, task, self.settings.split, self.listener)
        return self._datasets[task.name]

    def training_data(self, task: Task) -> TrainingData:
        """The rows to train on: those of the data set that pass the preflight.

        Raises:
            PreflightError: if some do not and `skip_bad_rows` is off, or if none is left.
        """
        dataset = self.dataset(task)
        look = self.preflight(task, dataset)
        if look.problems and not self.settings.train.skip_bad_rows:
            raise PreflightError([*look.problems, _way_out(look)])
        splits: dict[SplitName, Sequence[Example]] = {
            split: [row for row in rows if row.id not in look.bad[split]] for split, rows in dataset.splits.items()
        }
        if not splits.get("train"):
            raise PreflightError([*look.problems, _nothing_to_learn_from(look)])
        if look.problems:
            self.listener.left_out(look)
        return TrainingData(task, splits, dataset.manifest.id)

    def preflight(self, task: Task, dataset: FrozenDataset) -> Preflight:
        """Every row as this model would be trained on it; problems point at the rows in `seeds`."""
        places = cache(lambda: row_places(self.workspace.project, task))

        def place(split: SplitName, number: int, example: Example) -> str:
            return places().get(example.id, f"{task.name} {split} row {number}")

        look = preflight(task, dataset.splits, self.model_info.format, self._room(), place)
        return replace(look, problems=tuple(sorted(look.problems, key=_in_file_order)))

    def _room(self) -> Room:
        chosen, given = self.settings.train.max_length, self.model_info.context_length
        if chosen <= given:
            return Room(chosen, "shorten the row, or raise max_length")
        return Room(given, "shorten the row, or choose a model with a longer context")


def _in_file_order(problem: Problem) -> tuple[str, int]:
    file, _, row = problem.where.rpartition(":")
    return (file, int(row)) if row.isdigit() else (problem.where, 0)


def _way_out(look: Preflight) -> Problem:
    what = f"{look.bad_rows} of {sum(look.rows.values())} rows cannot be used as they are, so nothing was trained"
    return Problem(what, f"task {look.task}", "mend them, or leave them out with -c skip_bad_rows=true")


def _nothing_to_learn_from(look: Preflight) -> Problem:
    if look.rows.get("train"):
        return Problem("no training row can be used", f"task {look.task}", "mend the rows, or import others")
    fix = f"import some: anytasktune import FILE --task {look.task} --split train"
    return Problem("there are no training rows", f"task {look.task}", fix)


def train(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, listener: Listener | None = None
) -> list[Run]:
    """Train one Task-LM per task; those already trained on the same inputs are found, not trained again.

    Raises:
        AnyTaskTuneError: for anything the user can mend; see `anytasktune.errors`.
    """
    bench = Workbench(workspace, settings or Settings(), listener or Silent())
    tasks = workspace.tasks(task_names)
    data = [bench.training_data(task) for task in tasks]  # every task's rows are looked at before any training starts
    return [train_one(bench, item) for item in data]


def train_one(bench: Workbench, data: TrainingData) -> Run:
    """Train, or find, the Task-LM of one task."""
    task, config = data.task.name, bench.settings.train
    identity = run_id(bench.model_info.ref, data, config)
    folder = bench.workspace.project.runs(task) / identity
    run = finished_run(folder)
    built = run is None
    if run is None:
        run = train_task(bench.base, data, config, folder, lambda progress: bench.listener.training(task, progress))
    point(folder.parent, LATEST, identity)
    bench.listener.trained(task, run, built=built)
    return run


def evaluate(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, listener: Listener | None = None
) -> Report:
    """Let base, few-shot and tuned answer the same held-out rows and compare them.

    Raises:
        EvaluationError: if a task has no Task-LM yet, or no held-out rows.
    """
    bench = Workbench(workspace, settings or Settings(), listener or Silent())
    tasks = workspace.tasks(task_names)
    runs = {task.name: latest_run(workspace, task) for task in tasks}
    if "tuned" in bench.settings.evaluate.systems:
        bench.settings = replace(bench.settings, train=_common_config(runs))
    _require_held_out(bench, tasks)
    return compare(bench, [(task, runs[task.name]) for task in tasks])


def _require_held_out(bench: Workbench, tasks: Sequence[Task]) -> None:
    split = bench.settings.evaluate.split
    for task in tasks:
        if not bench.dataset(task).splits.get(split):
            what = f"task {task.name} has no {split} rows to be judged on"
            fix = f"import some: anytasktune import FILE --task {task.name} --split {split}"
            raise EvaluationError(what, where=f"seeds/{task.name}", fix=fix)


def _common_config(runs: Mapping[str, Run | None]) -> TrainConfig:
    """The config of runs that are on one base model: an adapter answers only on the model it was trained on."""
    missing = [name for name, run in runs.items() if run is None]
    if missing:
        fix = "train it first: anytasktune train " + " ".join(missing)
        raise EvaluationError(f"no Task-LM yet for {', '.join(missing)}", fix=fix)
    found = [run for run in runs.values() if run is not None]
    if len({(run.base_model.fingerprint, run.config.dtype) for run in found}) > 1:
        models = ", ".join(f"{run.tasks[0]} on {run.base_model.name}" for run in found)
        raise EvaluationError(f"the Task-LMs are on different base models: {models}", fix="evaluate them one by one")
    return found[0].config


def latest_run(workspace: Workspace, task: Task) -> Run | None:
    """The last finished run of a task."""
    folder = workspace.project.runs(task.name)
    identity = pointed(folder)
    return finished_run(folder / identity) if identity else None


def compare(bench: Workbench, tasks: Sequence[tuple[Task, Run | None]]) -> Report:
    """The report on some tasks, written to `artifacts/reports`."""
    config = bench.settings.evaluate
    reports = [_report_on(bench, task, run, config) for task, run in tasks]
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
    point(folder.parent, LATEST, report.id)
    return report


def _report_on(bench: Workbench, task: Task, run: Run | None, config: EvalConfig) -> TaskReport:
    dataset = bench.dataset(task)
    held_out = dataset.splits.get(config.split, [])
    rows = held_out[: config.max_rows]
    shots = choose_shots(task, dataset.splits.get("train", []), config.shots)
    longest = max((len(bench.model_info.format.answer_ids(row.output)) for row in dataset.splits.get("train", [])), default=64)
    budget = Budget(config.max_new_tokens or decoding_for(task, longest).max_new_tokens, config.batch_tokens)
    contestants = _contestants(bench.workspace, task, run, shots, config.systems)
    judged = [
        judge_system(task, rows, _answers(bench, task, (dataset, rows), contestant, budget), contestant.shown or None)
        for contestant in contestants
    ]
    return task_report(task, rows, judged, run, config, len(held_out))


def _contestants(
    workspace: Workspace, task: Task, run: Run | None, shots: tuple[Example, ...], systems: Sequence[System]
) -> list[Contestant]:
    made: Mapping[System, Contestant] = {
        "base": Contestant("base"),
        "few_shot": Contestant("few_shot", shots=shots),
        "tuned": Contestant("tuned", adapter=_adapter_folder(workspace, task, run)),
    }
    return [made[system] for system in systems]


def _adapter_folder(workspace: Workspace, task: Task, run: Run | None) -> Path | None:
    return workspace.project.runs(task.name) / run.id / ADAPTER_FOLDER if run else None


def _answers(
    bench: Workbench, task: Task, data: tuple[FrozenDataset, Sequence[Example]], contestant: Contestant, budget: Budget
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


def tune(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, listener: Listener | None = None
) -> Report:
    """The whole chain: freeze → check → train → predict → score → compare → report. What is already made is skipped."""
    bench = Workbench(workspace, settings or Settings(), listener or Silent())
    tasks = workspace.tasks(task_names)
    _require_held_out(bench, tasks)
    data = [bench.training_data(task) for task in tasks]
    runs = [train_one(bench, item) for item in data]
    return compare(bench, list(zip(tasks, runs, strict=True)))


def machine(config: TrainConfig) -> str:
    """What the numbers were measured on, in words."""
    device = choose_device(config.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} {device.type} threads"
    return f"{platform.system()} {platform.machine()}, {name}, {choose_dtype(config.dtype, device)}"
