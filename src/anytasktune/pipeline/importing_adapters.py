"""`import-adapter`: an adapter that another program trained becomes a Task-LM, for evaluation, reports and use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from anytasktune.chat import Encoded
from anytasktune.errors import ModelError, PreflightError
from anytasktune.ids import bytes_hash, content_id, file_hash
from anytasktune.inference.task_lm import TaskLM
from anytasktune.inference.task_predictor import TaskPredictor, decoding_for
from anytasktune.models.adapter_origin import named_base, origin_of, recorded_fingerprint
from anytasktune.models.foreign_adapter import adapter_folder_of, read_foreign_adapter, read_foreign_config
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import WEIGHTS_FILE, Adapter
from anytasktune.models.lora_stack import merged
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Usage
from anytasktune.schema import ResolvedTrainConfig, Run, Task, TaskLMManifest, TrainedElsewhere
from anytasktune.settings import Settings
from anytasktune.store import LATEST, atomic_folder, write_record, write_ref
from anytasktune.store.run_folder import ADAPTER_FOLDER, RUN_FILE, TASK_LM_FILE
from anytasktune.training.record_golden import record_golden
from anytasktune.training.train_runs import dev_threshold, versions
from anytasktune.version import __version__

_DEV_ROWS = 20


@dataclass(frozen=True)
class ImportedAdapter:
    """An adapter as it was imported.

    Attributes:
        folder: of the Task-LM in the project.
        loss_before, loss: mean loss per token of dev answers without the adapter and with it.
        dev_rows: number of those rows.
    """

    run: Run
    folder: Path
    loss_before: float
    loss: float
    dev_rows: int


def import_adapter(
    workspace: Workspace,
    source: Path,
    task_name: str,
    base: str = "",
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> ImportedAdapter:
    """Check an adapter and keep it as the task's newest Task-LM.

    It is taken to have learned the train rows of the data set as it is now: its test rows must not be among them.

    Args:
        base: the base model; the one that the adapter's config names unless given.

    Raises:
        ModelError: it is not plain LoRA, or does not fit the base model.
        PreflightError: the task has no training rows.
    """
    (task,) = workspace.tasks([task_name])
    context = TrainingContext.begin(workspace, settings, on_event)
    if (found := adapter_folder_of(source)) != source:
        context.note(f"the adapter is in {found}")
        source = found
    foreign = read_foreign_config(source)
    model = base or named_base(foreign, source) or context.settings.train.model
    config = context.settings.train.model_copy(update={"model": model, "method": "lora"})
    context.settings = context.settings.model_copy(update={"train": config})
    _require_base(context, source)
    splits, dataset = context.dataset(task).splits, context.dataset(task).manifest.id
    if not splits.get("train"):
        fix = f"import some: {workspace.project.command('import', 'FILE', '--task', task.name)}"
        raise PreflightError("there are no training rows", where=f"task {task.name}", fix=fix)
    adapter = read_foreign_adapter(context.base.model, source)
    rows = (splits.get("dev") or splits["train"])[:_DEV_ROWS]
    encoded = context.model_info.format.encode_all(task, rows)
    before = _loss(context.base, encoded)
    with merged(context.base.model, adapter):
        loss = _loss(context.base, encoded)
    if loss >= before:
        text = f"{task.name}: the adapter does not lower the loss on dev rows ({before:.3f} without it, {loss:.3f} with it): "
        context.note(text + "was it trained on this task, with the instruction and the chat template that are used here?")
    origin = origin_of(source, foreign, sum(bool(b.any()) for _, b in adapter.weights.values()))
    run = _publish(context, task, dataset, adapter, origin)
    folder = workspace.project.runs(task.name) / run.id
    write_ref(folder.parent, LATEST, run.id)
    return ImportedAdapter(run, folder / ADAPTER_FOLDER, round(before, 4), round(loss, 4), len(rows))


def _require_base(context: TrainingContext, source: Path) -> None:
    """Raise ModelError where the adapter was made by this program on another base model."""
    recorded, found = recorded_fingerprint(source), context.model_info.ref
    if recorded and recorded != found.fingerprint:
        what = f"the adapter was made on another base model than {found.name} (fingerprint {recorded}, not {found.fingerprint})"
        raise ModelError(what, where=str(source), fix="name its own base model: --base MODEL")


@torch.inference_mode()
def _loss(base: BaseLM, rows: Sequence[Encoded]) -> float:
    """Mean loss per answer token."""
    total, tokens = 0.0, 0
    for row in rows:
        logits = base.model(torch.tensor([row.ids], device=base.device), use_cache=False).logits[0].float().log_softmax(-1)
        for place in range(row.prompt_length, len(row.ids)):
            total -= float(logits[place - 1, row.ids[place]])
        tokens += row.answer_length
    return total / max(1, tokens)


def _publish(context: TrainingContext, task: Task, dataset: str, adapter: Adapter, origin: TrainedElsewhere) -> Run:
    """Write the adapter with its manifest, then `run.json`; the same adapter gets the same id."""
    base, splits = context.base, context.dataset(task).splits
    train = splits["train"]
    learned = [adapter.spec.rank, adapter.spec.alpha, bytes_hash(adapter.flat.cpu().numpy().tobytes())]
    identity = content_id(
        [task.name, task.definition, dataset, base.ref.fingerprint, "imported", learned, context.dtype, __version__]
    )
    folder = context.workspace.project.runs(task.name) / identity
    decoding = decoding_for(task, train, max(len(base.format.answer_ids(row.output)) for row in train))
    predictor = TaskPredictor(base, task, decoding, adapter=adapter)
    scored = decoding.method == "label_scoring"
    thresholds = {task.name: dev_threshold(predictor, splits.get("dev", []))} if scored else {}
    with atomic_folder(folder / ADAPTER_FOLDER) as temporary:
        adapter.save(temporary, base.ref.name)
        weights = file_hash(temporary / WEIGHTS_FILE)
        manifest = TaskLMManifest(
            id=content_id([identity, weights]),
            tasks=[task],
            base_model=base.ref,
            rendering=base.format.rendering,
            decoding={task.name: decoding},
            datasets={task.name: dataset},
            adapter_sha256=weights,
            thresholds=thresholds,
            run_id=identity,
        )
        write_record(temporary / TASK_LM_FILE, manifest)
    task_lm = TaskLM(manifest, base, adapter)
    record_golden(folder, task_lm, {task.name: splits}, versions())
    run = _record(context, task, manifest, adapter, origin)
    write_record(folder / RUN_FILE, run)
    return run


def _record(context: TrainingContext, task: Task, manifest: TaskLMManifest, adapter: Adapter, origin: TrainedElsewhere) -> Run:
    """The record of a run of which this program knows nothing but its result."""
    base, splits = context.base, context.dataset(task).splits
    return Run(
        id=manifest.run_id,
        target=task.name,
        tasks=[task.name],
        datasets=manifest.datasets,
        config=context.settings.train.model_copy(update={"model": base.ref.name}),
        resolved=ResolvedTrainConfig(
            rank=adapter.spec.rank,
            alpha=adapter.spec.alpha,
            learning_rate=0.0,
            epochs=0.0,
            steps=0,
            dtype=context.dtype,
            device=context.device.type,
        ),
        base_model=base.ref,
        train_rows=len(splits["train"]),
        dev_rows=len(splits.get("dev", [])),
        steps_done=0,
        best_step=0,
        dev_curve=[],
        final_train_loss=0.0,
        stopped_early=False,
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=Usage(),
        versions=versions(),
        imported=True,
        trained_elsewhere=origin,
    )
