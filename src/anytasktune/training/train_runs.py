"""Train Task-LMs: data sets in, adapters with their manifests out."""

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from threadpoolctl import threadpool_limits

from anytasktune.errors import DamagedError
from anytasktune.ids import content_id, file_hash
from anytasktune.inference.label_head import LabelHead
from anytasktune.inference.task_lm import LABEL_HEADS, TaskLM
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.kernels import kernel_state
from anytasktune.models.load import BaseLM, choose_device, choose_dtype
from anytasktune.models.lora import WEIGHTS_FILE, Adapter, LoraSpec
from anytasktune.models.packing_support import packs_rows, whole_rows
from anytasktune.records import Usage
from anytasktune.schema import AnswerThreshold, BaseModelRef, Decoding, Estimate, Example, Run, TaskLMManifest
from anytasktune.scorers import answer_threshold
from anytasktune.settings import DType, TrainConfig
from anytasktune.store import atomic_folder, remove_artifact, write_record
from anytasktune.store.run_folder import ADAPTER_FOLDER, RUN_FILE, TASK_LM_FILE, finished_run
from anytasktune.training.dev_scoring import DevScorer
from anytasktune.training.fit_head import fit_label_head
from anytasktune.training.fit_label_set_head import fit_label_set_head
from anytasktune.training.loop import OnProgress, TrainingRun, ignore_progress
from anytasktune.training.multi_adapter import train_adapters
from anytasktune.training.presets import adapters_at_once
from anytasktune.training.record_golden import record_golden
from anytasktune.training.run_plan import plan_run
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.tokenizing import Encode
from anytasktune.version import __version__

# settings that change how a run is executed, not its result
_UNIDENTIFYING = {"checkpoint_seconds", "micro_batch_tokens", "adapters_at_once"}
_OF_SEVERAL_TASKS = {"sampling_temperature"}
_THRESHOLD_ROWS = 500
"""Most dev rows on which the threshold of a label task is chosen."""


@dataclass(frozen=True)
class Computing:
    """The kind of device a run is computed on, and its precision."""

    device: str
    dtype: DType

    @classmethod
    def here(cls, config: TrainConfig) -> "Computing":
        """Those of this machine with these settings."""
        device = choose_device(config.device)
        return cls(device.type, choose_dtype(config.dtype, device))


def run_id(model: BaseModelRef, data: TrainingData, config: TrainConfig, computing: Computing | None = None) -> str:
    """Equal for runs that give the same adapter: same tasks, rows, base model, precision, settings and version.

    Args:
        computing: of the machine that trains; this one unless given.
    """
    computing = computing or Computing.here(config)
    where = {"dtype": computing.dtype, "device": computing.device, "model": ""}
    without = _UNIDENTIFYING if len(data.parts) > 1 else _UNIDENTIFYING | _OF_SEVERAL_TASKS
    settings = config.model_dump(exclude=without) | where
    parts = [[part.task.name, part.task.definition, part.dataset_id, *part.left_out] for part in data.parts]
    return content_id([parts, model.fingerprint, settings, __version__])


def reusable_run(folder: Path, note: Callable[[str], None]) -> Run | None:
    """As `finished_run`; a damaged one is removed, with a line to `note`, so that it is trained anew."""
    try:
        return finished_run(folder)
    except DamagedError as error:
        problem = error.problems[0]
        note(f"{problem.where}: {problem.what}; the Task-LM is trained anew")
    for path in (folder / RUN_FILE, folder / ADAPTER_FOLDER):
        remove_artifact(path)
    return None


@dataclass(frozen=True)
class Job:
    """One Task-LM to train into a folder.

    Attributes:
        encode: makes tokens of rows; the base model's tokenizer unless given.
        estimate: the expected cost of the run, noted in its record.
        on_head_rows: receives how many of how many rows a label head has read.
        on_checkpoint: receives the folder of each checkpoint when it is written, in another thread.
    """

    data: TrainingData
    folder: Path
    on_progress: OnProgress = ignore_progress
    encode: Encode | None = None
    estimate: Estimate | None = None
    on_head_rows: Callable[[int, int], None] = lambda _done, _total: None
    on_checkpoint: Callable[[Path], None] = lambda _: None


def train_task_lm(
    base: BaseLM, data: TrainingData, config: TrainConfig, folder: Path, on_progress: OnProgress = ignore_progress
) -> Run:
    """Train one adapter into `folder`; see `train_task_lms`."""
    ((_, run),) = train_task_lms(base, [Job(data, folder, on_progress)], config)
    return run


def train_task_lms(
    base: BaseLM, jobs: Sequence[Job], config: TrainConfig, note: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Job, Run]]:
    """Train an adapter for every job; finished runs are reused, interrupted ones resumed.

    Leaves `run.json`, `metrics.jsonl` and `adapter/` (PEFT files and `task_lm.json`) in each folder, and yields each run
    when it has ended. Several adapters are trained at the same time where that is faster (`adapters_at_once`).

    Args:
        note: receives a line when something takes longer than planned.

    Raises:
        PreflightError: if a row is longer than the model's context or `max_length`, or a task has no training rows.
        TrainingError: if the loss is no longer a number.
        StoreError: if something cannot be written.
    """
    open_jobs = []
    for job in jobs:
        if (done := reusable_run(job.folder, note)) is not None:
            yield job, done
        else:
            open_jobs.append(job)
    if not open_jobs:
        return
    share = packs_rows(base.model)
    if base.device.type == "cpu" and (told := kernel_state().note):
        note(told)
    if not share:
        note(whole_rows(base.ref.name))
    by_run: dict[int, Job] = {}

    def prepared() -> Iterator[TrainingRun]:
        for job in open_jobs:
            plan = plan_run(
                base.info, job.data, config, dtype=base.dtype, device=base.device.type, share=share, encode=job.encode
            )
            adapter = Adapter(base.model, LoraSpec(plan.resolved.rank, plan.resolved.alpha))
            adapter.initialise(config.seed)
            scorer = DevScorer(base, plan.scored, plan.decoding)
            score = scorer.score if plan.scored else None
            run = TrainingRun(adapter, plan, config, job.folder, job.on_progress, note, score)
            run.on_checkpoint = job.on_checkpoint
            by_run[id(run)] = job
            yield run

    runs = prepared()
    first = next(runs)
    at_once = adapters_at_once(config, base.device.type, first.next_tokens())
    for run in train_adapters(base, chain([first], runs), at_once=at_once, note=note):
        job = by_run.pop(id(run))
        yield job, _publish(base, job, run)


def _publish(base: BaseLM, job: Job, run: TrainingRun) -> Run:
    """Write the adapter with its manifest, then `run.json`, which makes the run a finished one."""
    data, resolved, state = job.data, run.plan.resolved, run.state
    identity = run_id(base.ref, data, run.config)
    tasks, datasets = [part.task for part in data.parts], {part.task.name: part.dataset_id for part in data.parts}
    with atomic_folder(job.folder / ADAPTER_FOLDER) as temporary:
        run.adapter.save(temporary, base.ref.name)
        sha256 = file_hash(temporary / WEIGHTS_FILE)
        start = time.monotonic()
        with threadpool_limits(limits=1, user_api="blas"):  # a fit is thousands of products too small for two threads
            fitted = _label_heads(base, job, run)
        heads = {task: head.save(temporary / LABEL_HEADS / task) for task, head in fitted.items()}
        thresholds = _thresholds(base, job, run, fitted)
        head_seconds = time.monotonic() - start
        manifest = TaskLMManifest(
            id=content_id([identity, sha256, [[task, head.model_dump()] for task, head in heads.items()]]),
            tasks=tasks,
            base_model=base.ref,
            rendering=base.format.rendering,
            decoding=run.plan.decoding | _set_scoring(run.plan.decoding, fitted),
            datasets=datasets,
            adapter_sha256=sha256,
            label_heads=heads,
            thresholds=thresholds,
            run_id=identity,
        )
        write_record(temporary / TASK_LM_FILE, manifest)
    if run.config.method != "head":  # a label head alone is not exported
        task_lm, start = TaskLM(manifest, base, run.adapter, fitted), time.monotonic()
        record_golden(job.folder, task_lm, {part.task.name: part.splits for part in data.parts}, versions())
        head_seconds += time.monotonic() - start
    expected, error = job.estimate, None
    if expected is not None and expected.seconds:
        error = round((run.seconds_of_all_steps + head_seconds) / expected.seconds - 1, 3)
    record = Run(
        id=identity,
        target=data.target,
        tasks=[task.name for task in tasks],
        datasets=datasets,
        left_out={part.task.name: len(part.left_out) for part in data.parts if part.left_out},
        config=run.config.model_copy(update={"model": base.ref.name}),
        resolved=resolved,
        base_model=base.ref,
        train_rows=len(run.plan.train.rows),
        dev_rows=len(run.plan.dev.rows),
        steps_done=state.step,
        best_step=run.best_step,
        dev_curve=state.dev_curve,
        averaged_steps=run.averaged_steps,
        average=run.average,
        average_kept=run.average_kept,
        final_train_loss=state.last_loss,
        stopped_early=run.stopped_early,
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=Usage(seconds=round(state.seconds + head_seconds, 2), tokens=state.tokens),
        versions=versions(),
        estimate=expected,
        estimate_error=error,
    )
    write_record(job.folder / RUN_FILE, record)
    return record


def _label_heads(base: BaseLM, job: Job, run: TrainingRun) -> dict[str, LabelHead]:
    """Fit the heads of those of the run's tasks whose answers are scored, or are sets of labels."""
    if run.config.method == "lora":
        return {}
    heads: dict[str, LabelHead] = {}
    for part in job.data.parts:
        adapter = None if run.config.method == "head" else run.adapter
        decoding = run.plan.decoding[part.task.name]
        most = run.config.max_train_rows
        if decoding.scores_answers:
            head = fit_label_head(base, part, adapter, decoding=decoding, most_rows=most, on_rows=job.on_head_rows)
        else:
            head = fit_label_set_head(base, part, adapter, decoding, most_rows=most, on_rows=job.on_head_rows)
        if head is not None:
            heads[part.task.name] = head
    return heads


def _set_scoring(decoding: Mapping[str, Decoding], heads: Mapping[str, LabelHead]) -> dict[str, Decoding]:
    """The decoding of the tasks whose head chooses the labels of an answer."""
    chosen = [task for task, head in heads.items() if head.label_sets is not None]
    return {task: decoding[task].model_copy(update={"method": "label_set_scoring"}) for task in chosen}


def _thresholds(base: BaseLM, job: Job, run: TrainingRun, heads: Mapping[str, LabelHead]) -> dict[str, AnswerThreshold]:
    """The threshold of each label task, from the answers of adapter and label head together to its dev rows."""
    thresholds: dict[str, AnswerThreshold] = {}
    for part in job.data.parts:
        task, decoding = part.task, run.plan.decoding[part.task.name]
        if decoding.method == "label_scoring":
            task_lm = TaskPredictor(base, task, decoding, adapter=run.adapter, head=heads.get(task.name))
            thresholds[task.name] = dev_threshold(task_lm, part.splits.get("dev", []))
    return thresholds


def dev_threshold(predictor: TaskPredictor, dev: Sequence[Example]) -> AnswerThreshold:
    """The threshold of a label task, from its answers to the first dev rows."""
    rows = dev[:_THRESHOLD_ROWS]
    return answer_threshold(rows, predictor.answer(rows) if rows else [])


def versions() -> dict[str, str]:
    """Versions of the libraries that made an artefact."""
    packages = {name: version(name) for name in ("torch", "transformers")}
    return {"anytasktune": __version__, "python": platform.python_version(), **packages}
