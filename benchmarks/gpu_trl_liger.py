"""TRL's side of `gpu_pool`: `SFTTrainer` with Liger kernels, padding-free where FlashAttention is installed."""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from anytasktune.models.resolve import resolve_model
from benchmarks.gpu_rows import pool_parts, read_job
from benchmarks.gpu_sft import train_parts


def main(text: str) -> None:
    """Train every task of the job, one after another."""
    job = read_job(text)
    folder = resolve_model(job.model)
    flash = find_spec("flash_attn") is not None
    base = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation="flash_attention_2" if flash else "sdpa", device_map=job.device
    )
    config = LoraConfig(r=job.rank, lora_alpha=2 * job.rank, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, config, adapter_name="default")
    options = {"use_liger_kernel": find_spec("liger_kernel") is not None, "padding_free": flash}
    train_parts(job, pool_parts(job), model, AutoTokenizer.from_pretrained(folder), options, Path(job.out))


if __name__ == "__main__":
    main(sys.argv[1])
