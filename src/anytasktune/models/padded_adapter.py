"""LoRA adapters with a higher rank than they were trained with, for programs that take only certain ranks."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch.nn.functional import pad

from anytasktune.errors import ModelError
from anytasktune.models.lora import CONFIG_FILE, WEIGHTS_FILE
from anytasktune.store import write_atomic

VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The values that `--max-lora-rank` of vLLM takes."""


def rank_of(folder: Path) -> int:
    """The rank of an adapter in PEFT's form; ModelError where its configuration cannot be read."""
    try:
        return int(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"no readable {CONFIG_FILE}: {error}", where=str(folder), fix="train it again") from None


def vllm_rank(rank: int) -> int:
    """The smallest rank that vLLM takes for an adapter of this rank; ModelError where there is none."""
    found = next((known for known in VLLM_RANKS if known >= rank), 0)
    if not found:
        fix = f"train with a rank of at most {VLLM_RANKS[-1]}, or export --to merged"
        raise ModelError(f"vLLM takes adapters up to rank {VLLM_RANKS[-1]}, not {rank}", fix=fix)
    return found


def write_padded(source: Path, folder: Path, rank: int) -> None:
    """Write an adapter into `folder` with this rank: zeros are added, and alpha grows with it, so that it computes the same.

    Raises:
        ModelError: it cannot be read.
    """
    trained = rank_of(source)
    try:
        config = json.loads((source / CONFIG_FILE).read_text(encoding="utf-8"))
        tensors = load_file(source / WEIGHTS_FILE)
        alpha = float(config["lora_alpha"]) * rank / trained
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"no readable adapter: {error}", where=str(source), fix="train it again") from None
    for name, weight in tensors.items():
        # A is [rank, in], B is [out, rank]
        extra = (0, 0, 0, rank - trained) if ".lora_A." in name else (0, rank - trained)
        tensors[name] = pad(weight, extra).contiguous()
    write_atomic(folder / WEIGHTS_FILE, bytes(save(tensors, metadata={"format": "pt"})))
    write_atomic(folder / CONFIG_FILE, json.dumps(config | {"r": rank, "lora_alpha": alpha}, indent=2) + "\n")
