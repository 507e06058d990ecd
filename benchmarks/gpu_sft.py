"""What TRL and Unsloth have in common in `gpu_pool`: one `SFTTrainer` per task on one model in memory."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import PeftModel
from transformers import PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer

from benchmarks.gpu_pool import PoolJob
from benchmarks.gpu_rows import PoolPart, encode_part
from benchmarks.trl_trainer import as_fields


def train_parts(
    job: PoolJob,
    parts: Iterable[PoolPart],
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    options: dict[str, Any],
    out: Path,
) -> None:
    """Train and save an adapter per part, each from fresh weights.

    Args:
        options: settings of `SFTConfig` only this side uses.
    """
    disable_progress_bars()
    for part in parts:
        _forget(model)
        rows = encode_part(job, part)
        with tempfile.TemporaryDirectory(prefix="bench-sft-") as place:
            trainer = SFTTrainer(
                model=model,
                args=SFTConfig(output_dir=place, **_common(job), **options),
                train_dataset=Dataset.from_list([as_fields(row) for row in rows]),
                processing_class=tokenizer,
            )
            trainer.train()
        model.save_pretrained(out / part.name)


def _forget(model: PeftModel) -> None:
    """Give the adapter the weights a new one begins with."""
    for name, parameter in model.named_parameters():
        if "lora_A" in name:
            torch.nn.init.kaiming_uniform_(parameter, a=5**0.5)
        elif "lora_B" in name:
            torch.nn.init.zeros_(parameter)


def _common(job: PoolJob) -> dict[str, Any]:
    return {
        "num_train_epochs": 1,
        "per_device_train_batch_size": job.batch,
        "train_sampling_strategy": "group_by_length",
        "completion_only_loss": True,
        "max_length": None,
        "bf16": True,
        "gradient_checkpointing": False,
        "optim": "adamw_torch_fused",
        "learning_rate": job.learning_rate,
        "lr_scheduler_type": "cosine",
        "weight_decay": 0.0,
        "use_cpu": job.device == "cpu",
        "dataloader_pin_memory": job.device == "cuda",
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }
