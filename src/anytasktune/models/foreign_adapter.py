"""LoRA adapters that other programs trained (PEFT, TRL, LLaMA-Factory, Axolotl) → adapters as this program uses them.

They may adapt some layers only, in float16, with ranks and scales that differ by layer, or the scale of rank-stabilised LoRA:
all of this has an equal in plain LoRA.
"""

import json
import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel

from anytasktune.errors import ConfigError, ModelError, counted
from anytasktune.models.lora import CONFIG_FILE, WEIGHTS_FILE, Adapter, LoraSpec, linear_layers
from anytasktune.text.user_patterns import matches_whole

_PREFIX = "base_model.model."
_REFUSED = {
    "use_dora": "DoRA magnitudes",
    "modules_to_save": "whole layers saved beside the adapter",
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
    *("rank_pattern", "alpha_pattern"),
    *("loftq_config", "corda_config", "lora_ga_config", "ensure_weight_tying"),
}
"""Settings that say what the weights files say too, or how training went; ranks, scales and bias are read."""
_CHANGE_THE_BASE = {"pissa": "PiSSA", "olora": "OLoRA", "corda": "CorDA", "loftq": "LoftQ", "lora_ga": "LoRA-GA"}
"""First weights that are taken out of those of the base model, which then are no longer those the adapter is for."""
_MERGE = "merge it into its base model with the program that trained it, and use the merged folder as a base model"


@dataclass(frozen=True)
class LoraScales:
    """Scale of each layer's product, as PEFT reads it.

    Attributes:
        rank, alpha: of the layers that no pattern names.
        ranks, alphas: the same by pattern of the layer's name; the first pattern that matches its end counts.
        stabilised: whether the scale is alpha / sqrt(rank), as in rank-stabilised LoRA, and not alpha / rank.
    """

    rank: int
    alpha: float
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    stabilised: bool

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "LoraScales":
        """Read from `adapter_config.json`; ValueError, KeyError or TypeError where a number is missing or impossible."""
        ranks = {str(name): int(rank) for name, rank in (config.get("rank_pattern") or {}).items()}
        alphas = {str(name): float(alpha) for name, alpha in (config.get("alpha_pattern") or {}).items()}
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        if min((rank, *ranks.values())) < 1 or not all(0 < one < math.inf for one in (alpha, *alphas.values())):
            raise ValueError("ranks and alphas must be above 0")
        return cls(rank, alpha, ranks, alphas, bool(config.get("use_rslora")))

    def rank_of(self, layer: str) -> int:
        """Rank of a layer; ConfigError if a pattern cannot be used."""
        return next((rank for pattern, rank in self.ranks.items() if _names(pattern, layer)), self.rank)

    def scale_of(self, layer: str) -> float:
        """Factor of a layer's product; ConfigError as `rank_of`."""
        alpha = next((alpha for pattern, alpha in self.alphas.items() if _names(pattern, layer)), self.alpha)
        return self._scale(alpha, self.rank_of(layer))

    def spec(self, rank: int) -> LoraSpec:
        """Shape of an adapter of that rank whose scale is that of the layers without a pattern."""
        if rank == self.rank and not self.stabilised:
            return LoraSpec(rank, self.alpha)
        return LoraSpec(rank, self._scale(self.alpha, self.rank) * rank)

    def _scale(self, alpha: float, rank: int) -> float:
        return alpha / math.sqrt(rank) if self.stabilised else alpha / rank


def _names(pattern: str, layer: str) -> bool:
    return matches_whole(rf"(?:.*\.)?(?:{pattern})", layer)


def adapter_folder_of(folder: Path) -> Path:
    """The folder that holds the adapter: `folder` itself, or the only one below it that has one, such as a checkpoint."""
    below = [] if (folder / CONFIG_FILE).is_file() else _adapters_below(folder)
    return below[0].parent if len(below) == 1 else folder


def _adapters_below(folder: Path) -> list[Path]:
    """The configs of adapters below a folder, of which trainers write one per checkpoint; the newest last."""
    return sorted((file for depth in ("*", "*/*") for file in folder.glob(f"{depth}/{CONFIG_FILE}")), key=_written)


def _elsewhere(folder: Path) -> ModelError:
    """The error of a folder without an adapter; it names the adapters below."""
    below = _adapters_below(folder)
    if not below:
        fix = f"name the folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"
        return ModelError(f"there is no {CONFIG_FILE}", where=str(folder), fix=fix)
    what = f"there is no {CONFIG_FILE} in it, but in {counted(len(below), 'folder')} below it"
    return ModelError(what, where=str(folder), fix=f"name the one you mean; the newest is {below[-1].parent}")


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # a link that leads nowhere
        return 0.0


def read_foreign_config(folder: Path) -> dict[str, Any]:
    """The `adapter_config.json` of a LoRA adapter.

    Raises:
        ModelError: there is none, or it describes something that has no equal in plain LoRA.
    """
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        kind = str(config["peft_type"])
        LoraScales.of(config)
    except FileNotFoundError:
        raise _elsewhere(folder) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
    """Read an adapter for this model; layers it does not adapt get zeros, as do the ranks that others have and they have not.

    Raises:
        ModelError: it is not plain LoRA, adapts embeddings or the head, or its shapes are those of another model.
    """
    scales, layers = LoraScales.of(read_foreign_config(folder)), dict(linear_layers(model))
    given = _read_pairs(folder, layers)
    try:
        ranks = {layer: scales.rank_of(layer) for layer in given}
        factors = {layer: scales.scale_of(layer) for layer in given}
    except ConfigError as error:
        what = f"its patterns of ranks and scales cannot be used: {error.problems[0].what}"
        raise ModelError(what, where=str(folder), fix=_MERGE) from None
    for layer, (a, b) in given.items():
        _require_shape(a, [ranks[layer], layers[layer].in_features], f"{layer}.lora_A", folder)
        _require_shape(b, [layers[layer].out_features, ranks[layer]], f"{layer}.lora_B", folder)
    adapter = Adapter(model, scales.spec(max(ranks.values())))
    with torch.no_grad():
        for layer, pair in given.items():
            (a, b), rank = adapter.weights[layer], ranks[layer]
            a[:rank].copy_(pair[0])
            b[:, :rank].copy_(pair[1])
            if not math.isclose(factors[layer], adapter.spec.scale, rel_tol=1e-9):
                b.mul_(factors[layer] / adapter.spec.scale)
    return adapter


def _read_pairs(folder: Path, layers: Container[str]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Layer → its A and B; ModelError where the file is missing, damaged or not whole, or adapts something else."""
    if not (folder / WEIGHTS_FILE).is_file():
        pickled = " (the .bin beside it is a pickle, which is never opened)" if any(folder.glob("adapter_model*.bin")) else ""
        fix = "save it as safetensors: PEFT does so unless told otherwise"
        raise ModelError(f"{WEIGHTS_FILE} is missing{pickled}", where=str(folder), fix=fix)
    try:
        tensors = load_file(folder / WEIGHTS_FILE)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"no readable {WEIGHTS_FILE}: {error}", where=str(folder), fix="copy it again") from None
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        layer, _, side = name.removeprefix(_PREFIX).removesuffix(".weight").removesuffix(".default").rpartition(".lora_")
        pairs.setdefault(layer or name, {})[side] = value
    if not pairs:
        raise ModelError(f"{WEIGHTS_FILE} has no weights", where=str(folder), fix="copy it again")
    if odd := sorted(layer for layer, pair in pairs.items() if layer not in layers or pair.keys() - {"A", "B"}):
        of_words = any(word in odd[0] for word in ("embed", "lm_head"))
        what = f"it adapts {odd[0]}, which is {'an embedding or the head' if of_words else 'no linear layer of the base model'}"
        if odd[0] in layers:
            what = f"{odd[0]} has weights beside those of LoRA: {', '.join(sorted(pairs[odd[0]].keys() - {'A', 'B'}))}"
        fix = "train it on linear layers only" if of_words else "name the base model it was trained on with --base"
        raise ModelError(what, where=str(folder), fix=_MERGE if odd[0] in layers else fix)
    if halves := sorted(f"{layer}.lora_{side}" for layer, pair in pairs.items() for side in "AB" if side not in pair):
        raise ModelError(f"{halves[0]} is missing in {WEIGHTS_FILE}", where=str(folder), fix="copy it again")
    return {layer: (pair["A"], pair["B"]) for layer, pair in pairs.items()}


def _require_shape(weight: torch.Tensor, shape: list[int], name: str, folder: Path) -> None:
    if list(weight.shape) != shape:
        what = f"the adapter does not fit the base model: {name} is {list(weight.shape)}, not {shape}"
        raise ModelError(what, where=str(folder), fix="name the base model it was trained on with --base")
