"""`check` and `--dry-run`: the rows as training sees them, and the expected cost of training."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from anytasktune.inference.few_shot import SHOT_DEV_ROWS
from anytasktune.inference.task_predictor import label_tokens
from anytasktune.pipeline.evaluating import require_room_for_answers
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import SPLIT_NAMES, DatasetManifest
from anytasktune.schema.task_plan import TaskPlan
from anytasktune.settings import Settings
from anytasktune.store.run_folder import finished_run
from anytasktune.tasks import Finding
from anytasktune.training.adapter_targets import Granularity
from anytasktune.training.estimate import LABELS_AT_ONCE, Answering, answering_seconds
from anytasktune.training.preflight import Preflight, TokenView, view_tokens
from anytasktune.training.run_plan import RunPlan, estimate_run
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import run_id

_ADAPTER_BYTES = 4
"""Of a weight of an adapter, which is kept in float32."""


@dataclass(frozen=True)
class CheckedTask:
    """A task's rows as training would see them.

    Attributes:
        samples: three training rows, token by token.
        findings: warnings about the rows, none of which keeps them from being trained on.
    """

    task: str
    manifest: DatasetManifest
    preflight: Preflight
    samples: tuple[tuple[TokenView, ...], ...]
    findings: Sequence[Finding] = ()


def check(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> list[CheckedTask]:
    """Freeze the rows of each task and check every one as this model would be trained on it."""
    context = TrainingContext.begin(workspace, settings, on_event)
    checked = []
    for task in workspace.tasks(task_names):
        dataset = context.dataset(task)
        require_room_for_answers(context, [task])
        rows = dataset.splits.get("train", [])[:3]
        samples = tuple(tuple(view_tokens(task, row, context.model_info.format)) for row in rows)
        look, findings = context.preflight(task, dataset), context.findings(task, dataset)
        checked.append(CheckedTask(task.name, dataset.manifest, look, samples, findings))
    return checked


def plan(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    granularity: Granularity = "task",
) -> list[TaskPlan]:
    """The trainings that `train` would do with these settings; only the tokenizer is loaded."""
    context = TrainingContext.begin(workspace, settings, on_event)
    data = context.training_data(workspace.tasks(task_names), granularity)
    plans: list[TaskPlan] = []
    planned: set[str] = set()
    for item in data:
        plans.append(_plan_one(context, item, planned))
        planned |= {part.task.name for part in item.parts}
    return plans


def _plan_one(context: TrainingContext, data: TrainingData, planned: Collection[str]) -> TaskPlan:
    config, info = context.settings.train, context.model_info
    run = context.planned(data)
    expected = estimate_run(run, info, config, context.speed)
    identity = run_id(info.ref, data, config)
    rows = {split: sum(len(part.splits.get(split, [])) for part in data.parts) for split in SPLIT_NAMES}
    return TaskPlan(
        task=data.target,
        rows=rows | {"train": len(run.train.rows)},
        rank=run.resolved.rank,
        learning_rate=run.resolved.learning_rate,
        epochs=run.resolved.epochs,
        steps=run.resolved.steps,
        prefix_tokens=max(len(prefix) for prefix in run.train.prefixes),
        tokens=expected.tokens,
        plain_tokens=sum(run.lengths[index] for step in run.order for index in step),
        seconds=expected.seconds,
        memory_bytes=expected.memory_bytes,
        disk_bytes=_ADAPTER_BYTES * info.shape.adapter(run.resolved.rank),
        trained=finished_run(context.workspace.project.runs(data.target) / identity) is not None,
        answer_seconds=round(_answer_seconds(context, data, run, planned), 2),
    )


def _answer_seconds(context: TrainingContext, data: TrainingData, run: RunPlan, planned: Collection[str]) -> float:
    """Time of this Task-LM, and of the untuned systems for tasks that are in no plan before."""
    config, seconds = context.settings.eval, 0.0
    for part in data.parts:
        held_out = part.splits.get(config.split, [])[: config.max_rows]
        dev = part.splits.get("dev", [])[:SHOT_DEV_ROWS] if config.shot_choice == "best" else []
        decoding = run.decoding[part.task.name]
        labels = label_tokens(part.task, decoding, context.model_info.format)
        alone = Answering(len(held_out), config.batch_tokens, label_tokens=min(LABELS_AT_ONCE, labels))
        base = replace(alone, label_tokens=labels, limit=decoding.max_new_tokens)
        shown = replace(alone, shots=config.shots, label_tokens=labels)
        similar = replace(shown, rows=len(held_out) + len(dev), shared=config.shot_choice == "fixed")
        untuned = {"base": [base], "few_shot": [similar, replace(shown, rows=len(dev))]}
        first = part.task.name not in planned
        asked = [alone, *(one for system in untuned if first and system in config.systems for one in untuned[system])]
        shape, times = context.model_info.shape, 1 if labels else config.best_of
        seconds += times * sum(answering_seconds(run.train, shape, one, context.speed) for one in asked)
    return seconds
