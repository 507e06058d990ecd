"""Train one Task-LM: data set in, adapter with its passport out."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from anytasktune.chat import Encoded
from anytasktune.errors import PreflightError, Problem
from anytasktune.ids import content_id, file_hash
from anytasktune.models.attention import attention_for
from anytasktune.models.head import shares_prefix
from anytasktune.models.load import BaseLM, choose_device, choose_dtype
from anytasktune.models.lora import WEIGHTS_FILE, Adapter, LoraSpec
from anytasktune.schema import (
    BaseModelRef,
    Decoding,
    Example,
    ResolvedTrainConfig,
    Run,
    SplitName,
    Task,
    TaskLM,
    TrainConfig,
    Usage,
)
from anytasktune.store import building, read_record, write_record
from anytasktune.training.batches import RowSet, build_rows
from anytasktune.training.checkpoint import sole_trainer
from anytasktune.training.loop import LoopResult, OnProgress, TrainingLoop, ignore_progress
from anytasktune.training.presets import resolve
from anytasktune.version import __version__

RUN_FILE = "run.json"
TASK_LM_FILE = "task_lm.json"
ADAPTER_FOLDER = "adapter"
# settings that change how a run is carried out, not what comes out
_UNIDENTIFYING = {"checkpoint_seconds", "micro_batch_tokens"}


@dataclass(frozen=True)
class TrainingData:
    """A task with the frozen rows it is to be learned from."""

    task: Task
    splits: Mapping[SplitName, Sequence[Example]]
    dataset_id: str


def run_id(model: BaseModelRef, data: TrainingData, config: TrainConfig) -> str:
    """Equal for runs that give the same adapter: same task, rows, base model, precision, settings and version."""
    device = choose_device(config.device)
    where = {"dtype": choose_dtype(config.dtype, device), "device": device.type, "model": ""}
    settings = config.model_dump(exclude=_UNIDENTIFYING) | where
    return content_id([data.task.model_dump(), data.dataset_id, model.fingerprint, settings, __version__])


def finished_run(folder: Path) -> Run | None:
    """The run in `folder`, if it was completed and its adapter is still there."""
    path = folder / RUN_FILE
    return read_record(path, Run) if path.exists() and (folder / ADAPTER_FOLDER).is_dir() else None


def train_task(
    base: BaseLM, data: TrainingData, config: TrainConfig, folder: Path, on_progress: OnProgress = ignore_progress
) -> Run:
    """Train one adapter into `folder`; a finished run is returned as it is, a broken-off one goes on.

    Leaves `run.json`, `metrics.jsonl` and `adapter/` (PEFT files and `task_lm.json`).

    Raises:
        PreflightError: if a row is longer than the model's context or `max_length`, or there are no rows.
        TrainingError: if the loss is no longer a number.
        StoreError: if the disk does not take what is written.
    """
    if (done := finished_run(folder)) is not None:
        return done
    train, dev = _examples(data, config)
    encoded = [_encode(base, data.task, rows, config) for rows in (train, dev)]
    if not train:
        raise PreflightError(
            f"task {data.task.name} has no training rows", fix="import some: anytasktune import FILE --task NAME"
        )
    resolved = resolve(config, base.ref, len(train), dtype=base.dtype, device=base.device.type)
    rows = [
        build_rows(part, [row.language for row in source], share=shares_prefix(base.model), batch_size=config.batch_size)
        for part, source in zip(encoded, (train, dev), strict=True)
    ]
    adapter = Adapter(base.model, LoraSpec(resolved.rank, resolved.alpha))
    adapter.initialise(config.seed)
    longest = max(len(example.ids) for part in encoded for example in part)
    with sole_trainer(folder), attention_for(base.model, longest), adapter.attached(base.model):
        result = TrainingLoop(base, adapter, (rows[0], rows[1]), (config, resolved), folder).run(on_progress)
    longest_answer = max(example.answer_length for example in encoded[0])
    return _publish(base, data, _Outcome(config, resolved, result, (rows[0], rows[1]), adapter, longest_answer), folder)


def _examples(data: TrainingData, config: TrainConfig) -> tuple[Sequence[Example], Sequence[Example]]:
    train = data.splits.get("train", [])[: config.max_train_rows]
    return train, data.splits.get("dev", [])[: config.max_dev_rows]


def _encode(base: BaseLM, task: Task, rows: Sequence[Example], config: TrainConfig) -> list[Encoded]:
    limit = min(config.max_length, base.info.context_length)
    encoded = [base.format.encode(task, row) for row in rows]
    problems = [
        Problem(
            f"{len(item.ids)} tokens, more than {limit}", f"task {task.name}, row {row.id}", "shorten it or raise max_length"
        )
        for row, item in zip(rows, encoded, strict=True)
        if len(item.ids) > limit
    ]
    if problems:
        raise PreflightError(problems)
    return encoded


@dataclass(frozen=True)
class _Outcome:
    config: TrainConfig
    resolved: ResolvedTrainConfig
    result: LoopResult
    rows: tuple[RowSet, RowSet]
    adapter: Adapter
    longest_answer: int


def _publish(base: BaseLM, data: TrainingData, outcome: _Outcome, folder: Path) -> Run:
    identity = run_id(base.ref, data, outcome.config)
    with building(folder / ADAPTER_FOLDER) as temporary:
        outcome.adapter.save(temporary, base.ref.name)
        write_record(temporary / TASK_LM_FILE, _task_lm(base, data, outcome, identity, file_hash(temporary / WEIGHTS_FILE)))
    run = _run_record(base, data, outcome, identity)
    write_record(folder / RUN_FILE, run)
    return run


def _task_lm(base: BaseLM, data: TrainingData, outcome: _Outcome, identity: str, sha256: str) -> TaskLM:
    return TaskLM(
        id=content_id([identity, sha256]),
        tasks=[data.task],
        base_model=base.ref,
        rendering=base.format.rendering,
        decoding=decoding_for(data.task, outcome.longest_answer),
        datasets={data.task.name: data.dataset_id},
        adapter_sha256=sha256,
        run_id=identity,
    )


def decoding_for(task: Task, longest_answer: int) -> Decoding:
    """Label tasks are answered by scoring their labels; others greedily, with room for half as much as ever trained."""
    method = "label_scoring" if task.output.kind == "label" else "greedy"
    return Decoding(method=method, max_new_tokens=math.ceil(longest_answer * 1.5) + 8)


def _run_record(base: BaseLM, data: TrainingData, outcome: _Outcome, identity: str) -> Run:
    state = outcome.result.state
    return Run(
        id=identity,
        tasks=[data.task.name],
        datasets={data.task.name: data.dataset_id},
        config=outcome.config,
        resolved=outcome.resolved,
        base_model=base.ref,
        train_rows=len(outcome.rows[0].rows),
        dev_rows=len(outcome.rows[1].rows),
        steps_done=state.step,
        best_step=state.best_step,
        dev_curve=state.dev_curve,
        final_train_loss=state.last_loss,
        stopped_early=outcome.result.stopped_early,
        usage=Usage(seconds=round(state.seconds, 2), tokens=state.tokens),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Versions of what made an artefact."""
    packages = {name: version(name) for name in ("torch", "transformers", "peft")}
    return {"anytasktune": __version__, "python": platform.python_version(), **packages}
