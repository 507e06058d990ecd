"""TRL's `SFTTrainer` on our very tokens, rows, order and first weights, step by step."""

import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from anytasktune.chat import Encoded
from benchmarks.our_engine import Setup
from benchmarks.trl_settings import TrlSettings


@dataclass(frozen=True)
class TrlRun:
    """Seconds and loss of every optimiser step."""

    seconds: list[float]
    losses: list[float]


@dataclass
class _StepClock(TrainerCallback):
    """Times optimiser steps (collating is not counted) and lets others work between them."""

    between: Callable[[int], None]
    seconds: list[float] = field(default_factory=list)
    _start: float = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._start = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds.append(time.perf_counter() - self._start)
        self.between(len(self.seconds) - 1)


def train_with_trl(
    folders: tuple[Path, Path],
    steps: Sequence[Sequence[Encoded]],
    setup: Setup,
    settings: TrlSettings,
    between: Callable[[int], None] = lambda _: None,
) -> TrlRun:
    """Train for `len(steps)` steps.

    Args:
        folders: the base model's, and the untrained adapter's in PEFT's format.
        steps: the rows of each step; within a step they are sorted by length, so that short rows meet short ones.
        between: called after each step, outside the measured time, with the step's index.
    """
    disable_progress_bars()
    rows = [row for step in steps for row in sorted(step, key=lambda row: len(row.ids))]
    clock = _StepClock(between)
    with tempfile.TemporaryDirectory(prefix="bench-trl-") as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = SFTTrainer(
            model=_model(*folders, settings),
            args=_config(setup, settings, len(steps), Path(place)),
            train_dataset=Dataset.from_list([as_fields(row) for row in rows]),
            processing_class=AutoTokenizer.from_pretrained(folders[0]),
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return TrlRun(clock.seconds, losses)


def _model(base: Path, adapter: Path, settings: TrlSettings) -> PeftModel:
    dtype = getattr(torch, settings.dtype)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, attn_implementation=settings.attention)
    return PeftModel.from_pretrained(model, adapter, is_trainable=True)


def as_fields(row: Encoded) -> dict[str, list[int]]:
    """A row as `SFTTrainer` takes it: tokens, and which of them are trained."""
    return {"input_ids": row.ids, "completion_mask": [0] * row.prompt_length + [1] * row.answer_length}


def _config(setup: Setup, settings: TrlSettings, steps: int, place: Path) -> SFTConfig:
    return SFTConfig(
        output_dir=str(place),
        max_steps=steps,
        per_device_train_batch_size=settings.micro_batch,
        gradient_accumulation_steps=setup.batch // settings.micro_batch,
        train_sampling_strategy="sequential",
        completion_only_loss=True,
        max_length=None,
        bf16=settings.autocast,
        torch_compile=settings.compiled,
        gradient_checkpointing=False,
        optim="adamw_torch_fused",
        learning_rate=setup.learning_rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=setup.seed,
        use_cpu=setup.device != "cuda",
        dataloader_pin_memory=setup.device == "cuda",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
