"""What `check` and `--dry-run` tell: would this data teach the task, and what would a run cost?"""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.pipeline.listening import Listener, Silent
from anytasktune.pipeline.tuning import Workbench
from anytasktune.pipeline.workspace import Settings, Workspace
from anytasktune.quality import Preflight, TokenView, view_tokens
from anytasktune.schema import DatasetManifest, SplitName, Task
from anytasktune.training.batches import build_rows, step_order, trunk_tokens
from anytasktune.training.presets import resolve
from anytasktune.training.run import TrainingData, finished_run, run_id


@dataclass(frozen=True)
class CheckedTask:
    """A task's rows as training would see them.

    Attributes:
        samples: three training rows, token by token.
    """

    task: str
    manifest: DatasetManifest
    preflight: Preflight
    samples: tuple[tuple[TokenView, ...], ...]


def check(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
) -> list[CheckedTask]:
    """Freeze the rows of each task and look at every one of them as this model would be trained on it."""
    bench = Workbench(workspace, settings or Settings(), listener or Silent())
    return [_check_one(bench, task) for task in workspace.tasks(task_names)]


def _check_one(bench: Workbench, task: Task) -> CheckedTask:
    dataset = bench.dataset(task)
    rows = dataset.splits.get("train", [])[:3]
    samples = tuple(tuple(view_tokens(task, row, bench.model_info.format)) for row in rows)
    return CheckedTask(task.name, dataset.manifest, bench.preflight(task, dataset), samples)


@dataclass(frozen=True)
class TaskPlan:
    """What training one task would take.

    Attributes:
        rows: rows per split.
        steps: optimiser steps, if the run is not stopped early.
        prefix_tokens: tokens of the instruction that all rows share, read once per step.
        tokens: tokens the model would process in all, dev evaluations left out.
        plain_tokens: the same without sharing the prefix.
        trained: whether the Task-LM exists already, so that nothing would be done.
    """

    task: str
    rows: dict[SplitName, int]
    rank: int
    learning_rate: float
    epochs: float
    steps: int
    prefix_tokens: int
    tokens: int
    plain_tokens: int
    trained: bool


def plan(workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None) -> list[TaskPlan]:
    """What `train` would do with these settings; only the tokenizer is loaded."""
    bench = Workbench(workspace, settings or Settings(), Silent())
    return [_plan_one(bench, bench.training_data(task)) for task in workspace.tasks(task_names)]


def _plan_one(bench: Workbench, data: TrainingData) -> TaskPlan:
    config, info = bench.settings.train, bench.model_info
    train = data.splits.get("train", [])[: config.max_train_rows]
    encoded = [info.format.encode(data.task, row) for row in train]
    rows = build_rows(encoded, [row.language for row in train], share=True, batch_size=config.batch_size)
    resolved = resolve(config, info.ref, len(train), dtype="float32", device="cpu")
    order = step_order(len(train), config.batch_size, resolved.steps, config.seed)
    identity = run_id(info.ref, data, config)
    return TaskPlan(
        task=data.task.name,
        rows={split: len(part) for split, part in data.splits.items()},
        rank=resolved.rank,
        learning_rate=resolved.learning_rate,
        epochs=resolved.epochs,
        steps=resolved.steps,
        prefix_tokens=max(len(prefix) for prefix in rows.prefixes),
        tokens=sum(trunk_tokens(rows, step) for step in order),
        plain_tokens=sum(len(encoded[index].ids) for step in order for index in step),
        trained=finished_run(bench.workspace.project.runs(data.task.name) / identity) is not None,
    )
