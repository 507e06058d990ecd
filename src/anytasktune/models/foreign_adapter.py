"""LoRA adapters that other programs trained (PEFT, TRL, LLaMA-Factory, Axolotl) → adapters as this program uses them.

They may adapt some layers only, in float16, with the scale of rank-stabilised LoRA; all of this has an equal in plain LoRA.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel

from anytasktune.errors import ModelError
from anytasktune.models.lora import CONFIG_FILE, WEIGHTS_FILE, Adapter, LoraSpec

_PREFIX = "base_model.model."
_REFUSED = {
    "use_dora": "DoRA magnitudes",
    "modules_to_save": "whole layers saved beside the adapter",
    "rank_pattern": "ranks that differ by layer",
    "alpha_pattern": "scales that differ by layer",
    "fan_in_fan_out": "transposed layers",
    "lora_bias": "trained biases",
    "trainable_token_indices": "trained token embeddings",
    "target_parameters": "adapted parameters that are not linear layers",
    "layer_replication": "layers used more than once",
    "alora_invocation_tokens": "weights that act only after certain tokens",
    "use_qalora": "inputs pooled in groups (QA-LoRA)",
    "use_bdlora": "block-diagonal weights (BD-LoRA)",
}
_NOT_OF_ANSWERS = {
    *("peft_type", "peft_version", "task_type", "auto_mapping", "base_model_name_or_path", "revision", "inference_mode"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "megatron_config", "megatron_core"),
    *("lora_dropout", "init_lora_weights", "eva_config", "qalora_group_size", "r", "lora_alpha", "use_rslora", "bias"),
    *("loftq_config", "corda_config", "lora_ga_config", "ensure_weight_tying"),
}
"""Settings that say what the weights files say too, or how training went; rank, alpha and bias are read."""
_CHANGE_THE_BASE = {"pissa": "PiSSA", "olora": "OLoRA", "corda": "CorDA", "loftq": "LoftQ", "lora_ga": "LoRA-GA"}
"""First weights that are taken out of those of the base model, which then are no longer those the adapter is for."""
_MERGE = "merge it into its base model with the program that trained it, and use the merged folder as a base model"


def read_foreign_config(folder: Path) -> dict[str, Any]:
    """The `adapter_config.json` of a LoRA adapter.

    Raises:
        ModelError: there is none, or it describes something that has no equal in plain LoRA.
    """
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        kind = str(config["peft_type"])
        int(config["r"]), float(config["lora_alpha"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = f"name the folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"
        raise ModelError(f"no readable {CONFIG_FILE}: {error}", where=str(folder), fix=fix) from None
    if kind != "LORA":
        raise ModelError(f"this is a {kind} adapter; only LoRA adapters are taken", where=str(folder), fix=_MERGE)
    found = [words for key, words in _REFUSED.items() if config.get(key)]
    found += ["trained biases"] if config.get("bias", "none") != "none" else []
    first = str(config.get("init_lora_weights")).lower()
    found += [f"base weights that {name} changed" for key, name in _CHANGE_THE_BASE.items() if first.startswith(key)]
    found += [f"the setting {key}" for key, value in config.items() if value and key not in _NOT_OF_ANSWERS | _REFUSED.keys()]
    if found:
        raise ModelError(f"the adapter has {' and '.join(found)}, which is not plain LoRA", where=str(folder), fix=_MERGE)
    return config


def read_foreign_adapter(model: PreTrainedModel, folder: Path) -> Adapter:
    """Read an adapter for this model; layers it does not adapt get zeros.

    Raises:
        ModelError: it is not plain LoRA, adapts embeddings or the head, or its shapes are those of another model.
    """
    config = read_foreign_config(folder)
    if not (folder / WEIGHTS_FILE).is_file():
        fix = "save it as safetensors: PEFT does so unless told otherwise"
        raise ModelError(f"{WEIGHTS_FILE} is missing", where=str(folder), fix=fix)
    try:
        tensors = load_file(folder / WEIGHTS_FILE)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"no readable {WEIGHTS_FILE}: {error}", where=str(folder), fix="copy it again") from None
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    # rank-stabilised LoRA scales by alpha / sqrt(rank), plain LoRA by alpha / rank
    adapter = Adapter(model, LoraSpec(rank, alpha * math.sqrt(rank) if config.get("use_rslora") else alpha))
    expected = {
        f"{name}.lora_{side}": weight for name, pair in adapter.weights.items() for side, weight in zip("AB", pair, strict=True)
    }
    given = {
        name.removeprefix(_PREFIX).removesuffix(".weight").removesuffix(".default"): value for name, value in tensors.items()
    }
    if odd := sorted(given.keys() - expected.keys()):
        layer = odd[0].rpartition(".lora_")[0] or odd[0]
        of_words = any(word in layer for word in ("embed", "lm_head"))
        what = f"it adapts {layer}, which is {'an embedding or the head' if of_words else 'no linear layer of the base model'}"
        fix = "train it on linear layers only" if of_words else "name the base model it was trained on with --base"
        raise ModelError(what, where=str(folder), fix=fix)
    if not given:
        raise ModelError(f"{WEIGHTS_FILE} has no weights", where=str(folder), fix="copy it again")
    halves = {name.rpartition("lora_")[0] for name in given}
    if missing := sorted(f"{layer}lora_{side}" for layer in halves for side in "AB" if f"{layer}lora_{side}" not in given):
        raise ModelError(f"{missing[0]} is missing in {WEIGHTS_FILE}", where=str(folder), fix="copy it again")
    with torch.no_grad():
        for name, value in given.items():
            if expected[name].shape != value.shape:
                what = f"{name} is {list(value.shape)}, not {list(expected[name].shape)}"
                fix = "name the base model it was trained on with --base"
                raise ModelError(f"the adapter does not fit the base model: {what}", where=str(folder), fix=fix)
            expected[name].copy_(value)
    return adapter
