"""Configs of other trainers for a task's exported rows: LLaMA-Factory, Axolotl and ms-swift.

They are for base models that do not fit this machine. Settings are this program's own where the trainer has the same.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ruamel.yaml import YAML

from anytasktune.invocation import quoted

Trainer = Literal["llamafactory", "axolotl", "swift"]
_OUTPUT = "adapter"


@dataclass(frozen=True)
class TrainerJob:
    """One training with another trainer.

    Attributes:
        train, dev: names (LLaMA-Factory) or files of the rows.
        batch_size: examples per optimiser step, taken one at a time.
    """

    model: str
    train: Sequence[str]
    dev: Sequence[str]
    rank: int
    alpha: float
    learning_rate: float
    epochs: float
    batch_size: int
    max_length: int
    seed: int


def trainer_config(trainer: Trainer, job: TrainerJob) -> tuple[str, str, str]:
    """Name and text of the config, and the command that trains with it in its folder."""
    if trainer == "llamafactory":
        return "train.yaml", _yaml(_llamafactory(job)), "llamafactory-cli train train.yaml"
    if trainer == "axolotl":
        return "train.yaml", _yaml(_axolotl(job)), "axolotl train train.yaml"
    return "train.sh", f"#!/bin/sh\n{_swift(job)}\n", "sh train.sh"


def _yaml(values: dict[str, Any]) -> str:
    text = io.StringIO()
    YAML().dump(values, text)
    return text.getvalue()


def _llamafactory(job: TrainerJob) -> dict[str, Any]:
    # without `template` it takes the tokenizer's own chat template, as this program does
    return {
        "model_name_or_path": job.model,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_target": "all",
        "lora_rank": job.rank,
        "lora_alpha": round(job.alpha),
        "dataset_dir": ".",
        "dataset": ",".join(job.train),
        **({"eval_dataset": ",".join(job.dev), "eval_strategy": "epoch"} if job.dev else {}),
        "enable_thinking": False,
        "cutoff_len": job.max_length,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": job.batch_size,
        "learning_rate": job.learning_rate,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": job.epochs,
        "bf16": True,
        "seed": job.seed,
        "output_dir": _OUTPUT,
    }


def _axolotl(job: TrainerJob) -> dict[str, Any]:
    def rows(file: str) -> dict[str, Any]:
        read = {"path": file, "ds_type": "json", "type": "chat_template", "field_messages": "messages"}
        return {**read, "roles_to_train": ["assistant"], "train_on_eos": "turn"}

    return {
        "base_model": job.model,
        "chat_template": "tokenizer_default",
        "datasets": [rows(file) for file in job.train],
        **({"test_datasets": [{**rows(file), "split": "train"} for file in job.dev]} if job.dev else {}),
        "adapter": "lora",
        "lora_r": job.rank,
        "lora_alpha": round(job.alpha),
        "lora_target_linear": True,
        "sequence_len": job.max_length,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": job.batch_size,
        "num_epochs": job.epochs,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "learning_rate": job.learning_rate,
        "bf16": "auto",
        "seed": job.seed,
        "output_dir": _OUTPUT,
    }


def _swift(job: TrainerJob) -> str:
    # LoRA is what it trains unless told otherwise; the option that says so has another name in each major version
    words = ["swift", "sft", "--model", quoted(job.model), "--dataset", *map(quoted, job.train)]
    words += ["--val_dataset", *map(quoted, job.dev)] if job.dev else ["--split_dataset_ratio", "0"]
    settings = {
        "lora_rank": job.rank,
        "lora_alpha": round(job.alpha),
        "target_modules": "all-linear",
        "max_length": job.max_length,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": job.batch_size,
        "learning_rate": job.learning_rate,
        "num_train_epochs": job.epochs,
        "torch_dtype": "bfloat16",
        "seed": job.seed,
        "output_dir": _OUTPUT,
    }
    return " ".join(words + [part for name, value in settings.items() for part in (f"--{name}", str(value))])
