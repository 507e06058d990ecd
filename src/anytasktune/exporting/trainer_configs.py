"""Configs of other trainers for a task's exported rows: LLaMA-Factory, Axolotl and ms-swift.

They are for base models that do not fit this machine, or not one GPU. Settings are this program's own where the trainer has the
same; those for several GPUs and for 4-bit base models are as the three programs documented them in August 2026.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ruamel.yaml import YAML

from anytasktune.invocation import quoted

Trainer = Literal["llamafactory", "axolotl", "swift"]
OUTPUT_FOLDER = "adapter"
"""Folder below that of the config, where the trainer puts the adapter, or checkpoints of it."""
_DEEPSPEED_FILE = "deepspeed.json"


@dataclass(frozen=True)
class TrainerJob:
    """One training with another trainer.

    Attributes:
        train, dev: names (LLaMA-Factory) or files of the rows.
        batch_size: examples per optimiser step, taken one at a time by each GPU.
        gpus: number of GPUs of one machine; with more than one the model is divided among them.
        quantised: whether the base model is loaded in 4 bits (QLoRA, Dettmers et al., arXiv 2305.14314).
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
    gpus: int = 1
    quantised: bool = False

    @property
    def accumulation(self) -> int:
        """Forward passes of each GPU per optimiser step."""
        return -(-self.batch_size // self.gpus)

    @property
    def rows_per_step(self) -> int:
        """Examples per optimiser step: `batch_size`, rounded up to a multiple of the GPUs."""
        return self.accumulation * self.gpus

    @property
    def whole_alpha(self) -> int:
        """Alpha as these trainers take it, a whole number."""
        return max(1, round(self.alpha))


@dataclass(frozen=True)
class TrainerConfig:
    """Files that a trainer needs beside the rows, name → text, and the command that trains in their folder."""

    files: dict[str, str]
    command: str


def trainer_config(trainer: Trainer, job: TrainerJob) -> TrainerConfig:
    """The config of a training; with several GPUs by FSDP in Axolotl, by DeepSpeed in the others."""
    if trainer == "llamafactory":
        files = {"train.yaml": _yaml(_llamafactory(job))}
        if job.gpus == 1:
            return TrainerConfig(files, "llamafactory-cli train train.yaml")
        files[_DEEPSPEED_FILE] = json.dumps(_deepspeed(), indent=2) + "\n"
        return TrainerConfig(files, f"FORCE_TORCHRUN=1 NPROC_PER_NODE={job.gpus} llamafactory-cli train train.yaml")
    if trainer == "axolotl":
        launcher = f" --launcher torchrun -- --nproc_per_node={job.gpus}" if job.gpus > 1 else ""
        return TrainerConfig({"train.yaml": _yaml(_axolotl(job))}, f"axolotl train train.yaml{launcher}")
    return TrainerConfig({"train.sh": f"#!/bin/sh\n{_swift(job)}\n"}, "sh train.sh")


def _deepspeed() -> dict[str, Any]:
    """ZeRO stage 3: weights, gradients and optimiser states are divided among the GPUs; whole tensors are saved."""
    return {
        "zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True},
        "bf16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "gradient_accumulation_steps": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "train_batch_size": "auto",
        "zero_allow_untested_optimizer": True,
    }


def _fsdp(job: TrainerJob) -> dict[str, Any]:
    """The same by PyTorch's own FSDP 2."""
    return {
        "fsdp_version": 2,
        "fsdp_config": {
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "reshard_after_forward": True,
            "activation_checkpointing": True,
            "offload_params": False,
            "cpu_ram_efficient_loading": not job.quantised,  # each process must load 4-bit weights itself
            "state_dict_type": "FULL_STATE_DICT",  # an adapter in one file
        },
    }


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
        **({"quantization_bit": 4, "quantization_method": "bnb"} if job.quantised else {}),
        **({"deepspeed": _DEEPSPEED_FILE} if job.gpus > 1 else {}),
        "lora_target": "all",
        "lora_rank": job.rank,
        "lora_alpha": job.whole_alpha,
        "dataset_dir": ".",
        "dataset": ",".join(job.train),
        **({"eval_dataset": ",".join(job.dev), "eval_strategy": "epoch"} if job.dev else {}),
        "enable_thinking": False,
        "cutoff_len": job.max_length,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": job.accumulation,
        "learning_rate": job.learning_rate,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": job.epochs,
        "bf16": True,
        "seed": job.seed,
        "output_dir": OUTPUT_FOLDER,
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
        "adapter": "qlora" if job.quantised else "lora",
        **({"load_in_4bit": True} if job.quantised else {}),
        "lora_r": job.rank,
        "lora_alpha": job.whole_alpha,
        "lora_target_linear": True,
        "sequence_len": job.max_length,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": job.accumulation,
        "num_epochs": job.epochs,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "learning_rate": job.learning_rate,
        "bf16": "auto",
        **(_fsdp(job) if job.gpus > 1 else {"gradient_checkpointing": True}),
        "seed": job.seed,
        "output_dir": OUTPUT_FOLDER,
    }


def _swift(job: TrainerJob) -> str:
    # LoRA is what it trains unless told otherwise; the option that says so has another name in each major version
    words = [f"NPROC_PER_NODE={job.gpus}"] if job.gpus > 1 else []
    words += ["swift", "sft", "--model", quoted(job.model), "--dataset", *map(quoted, job.train)]
    words += ["--val_dataset", *map(quoted, job.dev)] if job.dev else ["--split_dataset_ratio", "0"]
    # stage 2 where the model is quantised: each GPU has a whole copy of it in 4 bits, stage 3 divides it
    sharing = {"deepspeed": "zero2" if job.quantised else "zero3"} if job.gpus > 1 else {}
    settings = {
        **({"quant_method": "bnb", "quant_bits": 4} if job.quantised else {}),
        **sharing,
        "lora_rank": job.rank,
        "lora_alpha": job.whole_alpha,
        "target_modules": "all-linear",
        "max_length": job.max_length,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": job.accumulation,
        "learning_rate": job.learning_rate,
        "num_train_epochs": job.epochs,
        "torch_dtype": "bfloat16",
        "seed": job.seed,
        "output_dir": OUTPUT_FOLDER,
        "add_version": "false",
        "save_total_limit": 1,
    }
    return " ".join(words + [part for name, value in settings.items() for part in (f"--{name}", str(value))])
