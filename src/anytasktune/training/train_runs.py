"""Train Task-LMs: data sets in, adapters with their manifests out."""

import math
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from anytasktune.chat import Encoded
from anytasktune.ids import content_id, file_hash
from anytasktune.inference.task_lm import TASK_LM_FILE
from anytasktune.models.load import BaseLM, choose_device, choose_dtype
from anytasktune.models.lora import WEIGHTS_FILE, Adapter, LoraSpec
from anytasktune.models.packed import packs_rows, whole_rows
from anytasktune.records import Usage
from anytasktune.schema import BaseModelRef, Decoding, Estimate, Run, Task, TaskLMManifest
from anytasktune.settings import TrainConfig
from anytasktune.store import atomic_folder, read_record, write_record
from anytasktune.training.checkpoint import RunState
from anytasktune.training.loop import Learner, LoopResult, OnProgress, ignore_progress
from anytasktune.training.multi_adapter import learn
from anytasktune.training.presets import adapters_at_once
from anytasktune.training.run_plan import Place, plan_run
from anytasktune.training.task_rows import TaskRow, TrainingData
from anytasktune.training.tokenizing import Encode
from anytasktune.version import __version__

RUN_FILE = "run.json"
ADAPTER_FOLDER = "adapter"
# settings that change how a run is carried out, not what comes out
_UNIDENTIFYING = {"checkpoint_seconds", "micro_batch_tokens", "adapters_at_once"}
_OF_SEVERAL_TASKS = {"sampling_temperature"}


def run_id(model: BaseModelRef, data: TrainingData, config: TrainConfig) -> str:
    """Equal for runs that give the same adapter: same tasks, rows, base model, precision, settings and version."""
    device = choose_device(config.device)
    where = {"dtype": choose_dtype(config.dtype, device), "device": device.type, "model": ""}
    without = _UNIDENTIFYING if len(data.parts) > 1 else _UNIDENTIFYING | _OF_SEVERAL_TASKS
    settings = config.model_dump(exclude=without) | where
    parts = [[part.task.name, part.task.definition, part.dataset_id, *part.left_out] for part in data.parts]
    return content_id([parts, model.fingerprint, settings, __version__])


def finished_run(folder: Path) -> Run | None:
    """The run in `folder`, if it was completed and its adapter is still there."""
    path = folder / RUN_FILE
    return read_record(path, Run) if path.exists() and (folder / ADAPTER_FOLDER).is_dir() else None


@dataclass(frozen=True)
class Job:
    """One Task-LM to train into a folder.

    Attributes:
        encode: who makes tokens of rows; the base model's tokenizer unless given.
        estimate: what the run is expected to take, to be noted in its record.
    """

    data: TrainingData
    folder: Path
    on_progress: OnProgress = ignore_progress
    encode: Encode | None = None
    estimate: Estimate | None = None


def train_task_lm(
    base: BaseLM, data: TrainingData, config: TrainConfig, folder: Path, on_progress: OnProgress = ignore_progress
) -> Run:
    """Train one adapter into `folder`; see `train_task_lms`."""
    ((_, run),) = train_task_lms(base, [Job(data, folder, on_progress)], config)
    return run


def train_task_lms(
    base: BaseLM, jobs: Sequence[Job], config: TrainConfig, say: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Job, Run]]:
    """Train an adapter for every job; a finished run is returned as it is, a broken-off one goes on.

    Leaves `run.json`, `metrics.jsonl` and `adapter/` (PEFT files and `task_lm.json`) in each folder, and yields each run
    when it has ended. Several adapters learn at the same time where that is faster (`adapters_at_once`).

    Args:
        say: gets a line when something goes slower than planned.

    Raises:
        PreflightError: if a row is longer than the model's context or `max_length`, or a task has no training rows.
        TrainingError: if the loss is no longer a number.
        StoreError: if the disk does not take what is written.
    """
    open_jobs = []
    for job in jobs:
        if (done := finished_run(job.folder)) is not None:
            yield job, done
        else:
            open_jobs.append(job)
    if not open_jobs:
        return
    if not packs_rows(base.model):
        say(whole_rows(base.ref.name))
    first = _prepare(base, open_jobs[0], config)
    at_once = adapters_at_once(config, base.device.type, first.learner.next_tokens())
    prepared = (first if job is open_jobs[0] else _prepare(base, job, config) for job in open_jobs)
    started: dict[int, _Prepared] = {}

    def learners() -> Iterator[Learner]:
        for item in prepared:
            started[id(item.learner)] = item
            yield item.learner

    for learner, result in learn(base, learners(), at_once=at_once, say=say):
        item = started.pop(id(learner))
        yield item.job, _publish(base, item, result)


@dataclass(frozen=True)
class _Prepared:
    """A job with its rows as tokens and a fresh adapter."""

    job: Job
    learner: Learner
    decoding: dict[str, Decoding]


def _prepare(base: BaseLM, job: Job, config: TrainConfig) -> _Prepared:
    place = Place(base.dtype, base.device.type, share=packs_rows(base.model))
    planned = plan_run(base.info, job.data, config, place, job.encode)
    resolved = planned.resolved
    adapter = Adapter(base.model, LoraSpec(resolved.rank, resolved.alpha))
    adapter.initialise(config.seed)
    learner = Learner(adapter, planned.rows, (config, resolved), job.folder, job.on_progress)
    return _Prepared(job, learner, _decoding(planned.source, planned.encoded))


def _publish(base: BaseLM, item: _Prepared, result: LoopResult) -> Run:
    data, folder = item.job.data, item.job.folder
    identity = run_id(base.ref, data, item.learner.config)
    with atomic_folder(folder / ADAPTER_FOLDER) as temporary:
        item.learner.adapter.save(temporary, base.ref.name)
        record = _task_lm(base, data, item.decoding, identity, file_hash(temporary / WEIGHTS_FILE))
        write_record(temporary / TASK_LM_FILE, record)
    run = _run_record(base, item, result, identity)
    write_record(folder / RUN_FILE, run)
    return run


def _task_lm(base: BaseLM, data: TrainingData, decoding: dict[str, Decoding], identity: str, sha256: str) -> TaskLMManifest:
    return TaskLMManifest(
        id=content_id([identity, sha256]),
        tasks=[part.task for part in data.parts],
        base_model=base.ref,
        rendering=base.format.rendering,
        decoding=decoding,
        datasets={part.task.name: part.dataset_id for part in data.parts},
        adapter_sha256=sha256,
        run_id=identity,
    )


def _decoding(train: Sequence[TaskRow], encoded: Sequence[Encoded]) -> dict[str, Decoding]:
    longest: dict[str, int] = {}
    for (task, _), example in zip(train, encoded, strict=True):
        longest[task.name] = max(example.answer_length, longest.get(task.name, 0))
    return {task.name: decoding_for(task, longest[task.name]) for task, _ in train}


def decoding_for(task: Task, longest_answer: int) -> Decoding:
    """Label tasks are answered by scoring their labels; others greedily, with room for half as much as ever trained."""
    return Decoding(method=task.output.decoding, max_new_tokens=math.ceil(longest_answer * 1.5) + 8)


def _run_record(base: BaseLM, item: _Prepared, result: LoopResult, identity: str) -> Run:
    data, learner, state = item.job.data, item.learner, result.state
    return Run(
        id=identity,
        unit=data.unit,
        tasks=[part.task.name for part in data.parts],
        datasets={part.task.name: part.dataset_id for part in data.parts},
        left_out={part.task.name: len(part.left_out) for part in data.parts if part.left_out},
        config=learner.config,
        resolved=learner.resolved,
        base_model=base.ref,
        train_rows=len(learner.train_rows.rows),
        dev_rows=len(learner.dev_rows.rows),
        steps_done=state.step,
        best_step=state.best_step,
        dev_curve=state.dev_curve,
        final_train_loss=state.last_loss,
        stopped_early=result.stopped_early,
        usage=Usage(seconds=round(state.seconds, 2), tokens=state.tokens),
        versions=versions(),
        estimate=item.job.estimate,
        estimate_error=_error(item.job.estimate, state, learner.resolved.steps),
    )


def _error(estimate: Estimate | None, state: RunState, steps: int) -> float | None:
    if estimate is None or not estimate.seconds:
        return None
    return round(state.seconds * steps / (estimate.seconds * state.step) - 1, 3)


def versions() -> dict[str, str]:
    """Versions of what made an artefact."""
    packages = {name: version(name) for name in ("torch", "transformers")}
    return {"anytasktune": __version__, "python": platform.python_version(), **packages}
