"""Unsloth's side of `gpu_pool`: its fast model under TRL's `SFTTrainer`, padding-free as it does by itself."""

import sys
from pathlib import Path

import unsloth  # first, as its authors ask: it patches what is imported after it

# isort: split
import torch

from anytasktune.models.resolve import resolve_model
from benchmarks.gpu_rows import pool_parts, read_job
from benchmarks.gpu_sft import train_parts

_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def main(text: str) -> None:
    """Train every task of the job, one after another."""
    job = read_job(text)
    model, tokenizer = unsloth.FastLanguageModel.from_pretrained(
        str(resolve_model(job.model)), max_seq_length=2048, dtype=torch.bfloat16, load_in_4bit=False
    )
    model = unsloth.FastLanguageModel.get_peft_model(
        model,
        r=job.rank,
        lora_alpha=2 * job.rank,
        lora_dropout=0.0,
        target_modules=_LINEAR,
        use_gradient_checkpointing=False,
    )
    train_parts(job, pool_parts(job), model, tokenizer, {}, Path(job.out))


if __name__ == "__main__":
    main(sys.argv[1])
