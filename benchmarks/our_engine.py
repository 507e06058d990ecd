"""Every call from the benchmarks into the engine, so that both can change apart."""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.chat import Encoded
from anytasktune.inference.generation import Limits, generate
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM, load_base
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.models.lora_stack import attached, merged
from anytasktune.models.packing_support import packs_rows
from anytasktune.models.resolve import resolve_model
from anytasktune.schema import Answer, Decoding, Example, Task
from anytasktune.settings import TrainConfig
from anytasktune.store.run_folder import ADAPTER_FOLDER
from anytasktune.training.batches import build_rows
from anytasktune.training.loop import OnProgress, ignore_progress
from anytasktune.training.optimizer import FlatAdamW
from anytasktune.training.presets import stream_tokens
from anytasktune.training.step import StepEngine
from anytasktune.training.streams import StepRows
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import Job, train_task_lms

_BATCH_TOKENS = 4096

Step = Callable[[list[int]], float]
"""Row indices of one optimiser step → its loss; the weights are updated."""


@dataclass(frozen=True)
class Setup:
    """What both sides of a comparison share: LoRA on all linear layers without dropout, AdamW, a constant rate."""

    model: str = "smollm2-135m"
    dtype: str = "auto"
    device: str = "auto"
    rank: int = 16
    alpha: float = 32.0
    learning_rate: float = 1e-3
    batch: int = 16
    seed: int = 0


def open_base(setup: Setup, dtype: str | None = None) -> BaseLM:
    """The base model of a setup, in its precision or another."""
    return load_base(setup.model, dtype=dtype or setup.dtype, device=setup.device)


def model_folder(setup: Setup) -> Path:
    """Where the base model's safetensors lie, for those who load them their own way."""
    return resolve_model(setup.model)


def encode(base: BaseLM, task: Task, rows: Sequence[Example]) -> list[Encoded]:
    """Token ids and loss mask of every row; the other side is given these very tokens."""
    return [base.format.encode(task, row) for row in rows]


def fitting(base: BaseLM, task: Task, rows: Sequence[Example]) -> list[Example]:
    """The rows a run of ours would take: those within its usual `max_length` and the model's context."""
    limit = min(TrainConfig().max_length, base.info.context_length)
    return [row for row, encoded in zip(rows, encode(base, task, rows), strict=True) if len(encoded.ids) <= limit]


def prompts(base: BaseLM, task: Task, rows: Sequence[Example]) -> list[list[int]]:
    """Token ids up to where the answer begins."""
    return [base.format.prompt_ids(task, row) for row in rows]


def save_fresh_adapter(base: BaseLM, setup: Setup, folder: Path) -> Path:
    """Write the untrained adapter both sides begin with, in PEFT's format."""
    folder.mkdir(parents=True, exist_ok=True)
    adapter = Adapter(base.model, LoraSpec(setup.rank, setup.alpha))
    adapter.initialise(setup.seed)
    adapter.save(folder, setup.model)
    return folder


@contextlib.contextmanager
def stepping(base: BaseLM, setup: Setup, rows: Sequence[Encoded], groups: Sequence[Hashable]) -> Iterator[Step]:
    """Optimiser steps on `rows`, beginning with the adapter of `save_fresh_adapter`.

    Args:
        groups: per row, a key equal for rows that render the same instruction.
    """
    row_set = build_rows(rows, groups, share=packs_rows(base.model), batch_size=setup.batch)
    adapter = Adapter(base.model, LoraSpec(setup.rank, setup.alpha))
    adapter.initialise(setup.seed)
    with attached(base.model, [adapter]) as stack:
        engine = StepEngine(stack, max_tokens=stream_tokens(TrainConfig(), base.device.type))
        optimizer = FlatAdamW(adapter, weight_decay=0.0, max_grad_norm=1.0)

        def step(indices: list[int]) -> float:
            loss = engine.loss_and_grad([StepRows(0, row_set, indices)])
            optimizer.step(setup.learning_rate)
            return float(loss)

        yield step


@dataclass(frozen=True)
class Work:
    """Rows to train one Task-LM on, and a name of its own for the folder it is written to."""

    task: Task
    train: Sequence[Example]
    name: str


def train_pool(
    base: BaseLM, setup: Setup, pool: Sequence[Work], folder: Path, on_progress: OnProgress = ignore_progress
) -> list[Path]:
    """Whole runs of one epoch as a user has them (log, checkpoints, published adapters), without dev rows, on one base.

    Returns:
        The adapters' folders.
    """
    config = TrainConfig(
        model=setup.model,
        dtype=setup.dtype,
        device=setup.device,
        rank=setup.rank,
        alpha=setup.alpha,
        learning_rate=setup.learning_rate,
        batch_size=setup.batch,
        seed=setup.seed,
        epochs=1.0,
    )
    jobs = [
        Job(TrainingData.of_task(work.task, {"train": work.train}, work.name), folder / work.name, on_progress) for work in pool
    ]
    return [job.folder / ADAPTER_FOLDER for job, _ in train_task_lms(base, jobs, config)]


def answer(base: BaseLM, task: Task, rows: Sequence[Example], adapter: Path | None, max_new_tokens: int) -> list[Answer]:
    """Answers as a report gets them: labels are scored, everything else is generated."""
    decoding = Decoding(method="label_scoring" if task.output.kind == "label" else "greedy", max_new_tokens=max_new_tokens)
    loaded = Adapter.load(base.model, adapter) if adapter else None
    return TaskPredictor(base, task, decoding, adapter=loaded).answer(rows, batch_tokens=_BATCH_TOKENS)


def generate_ids(
    base: BaseLM, asked: Sequence[list[int]], adapter: Path | None, max_new_tokens: int, ends: Sequence[int]
) -> list[list[int]]:
    """Greedy continuations of prompts, without the token that ends them."""
    limits = Limits(ends, max_new_tokens, _BATCH_TOKENS)
    put_on = merged(base.model, Adapter.load(base.model, adapter)) if adapter else contextlib.nullcontext()
    with put_on:
        return [generated.ids for generated in generate(base.model, asked, limits)]
