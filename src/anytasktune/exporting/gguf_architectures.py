"""Architectures that are written as GGUF: their names in llama.cpp, their hyperparameters, and the order of their rows.

Llama's query and key rows pair the halves of each head for the rotation of positions; llama.cpp pairs neighbours, so the rows
change places. Qwen's stay as they are.
"""

import math
from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np
import torch

from anytasktune.errors import ExportError

_SCRIPTS = "convert_hf_to_gguf.py and convert_lora_to_gguf.py of llama.cpp (https://github.com/ggml-org/llama.cpp)"
_PERMUTED = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


@dataclass(frozen=True)
class GgufArchitecture:
    """A model's architecture as llama.cpp knows it.

    Attributes:
        name: in the file.
        names: tensor names of transformers → names in the file.
        config: the model's own.
        pairs_neighbours: whether query and key rows change places.
    """

    name: str
    names: gguf.TensorNameMap
    config: Any
    pairs_neighbours: bool

    @classmethod
    def of(cls, config: Any) -> "GgufArchitecture":
        """The architecture of a model with this config.

        Raises:
            ExportError: it is none of those this program writes.
        """
        known = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3}
        kind = str(config.model_type)
        rope = str((config.rope_parameters or {}).get("rope_type", "default")) if kind in known else "default"
        if kind not in known or rope not in {"default", "linear", "llama3"} or getattr(config, "use_sliding_window", False):
            what = (
                f"models of type {kind!r}"
                if kind not in known
                else f"{kind} with positions of type {rope!r} or a sliding window"
            )
            fix = f"export --to merged, then run {_SCRIPTS} on the folder"
            raise ExportError(f"{what} are not written as GGUF by this program", fix=fix)
        names = gguf.get_tensor_name_map(known[kind], int(config.num_hidden_layers))
        return cls(gguf.MODEL_ARCH_NAMES[known[kind]], names, config, kind == "llama")

    def tensor_name(self, name: str) -> str:
        """The name in the file of a tensor of transformers; ExportError if it has none."""
        found = self.names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ExportError(f"llama.cpp has no tensor for {name}", fix=f"export --to merged, then run {_SCRIPTS}")
        return str(found)

    def ordered(self, name: str, rows: torch.Tensor) -> torch.Tensor:
        """The rows [out, …] of a tensor in llama.cpp's order."""
        heads = _PERMUTED.get(name.removesuffix(".weight").removesuffix(".bias").rpartition(".")[2])
        if not self.pairs_neighbours or heads is None:
            return rows
        halves = rows.reshape(int(getattr(self.config, heads)), 2, -1, *rows.shape[1:])
        return halves.swapaxes(1, 2).reshape(rows.shape)

    def rope_factors(self) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """Divisors of the rotation's frequencies [head size / 2], for models whose context was stretched as Llama 3's."""
        rope = self.config.rope_parameters or {}
        if rope.get("rope_type") != "llama3":
            return None
        size = _head_size(self.config)
        stretch, low, high = float(rope["factor"]), float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
        context, factors = float(rope["original_max_position_embeddings"]), []
        for place in range(0, size, 2):
            turns = context / (2 * math.pi * float(rope["rope_theta"]) ** (place / size))
            blend = min(1.0, max(0.0, (turns - low) / (high - low)))
            factors.append(1 / ((1 - blend) / stretch + blend))
        return np.array(factors, np.float32)

    def write_hyperparameters(self, writer: gguf.GGUFWriter) -> None:
        """Write the shape of the model."""
        config, rope = self.config, self.config.rope_parameters or {}
        writer.add_block_count(int(config.num_hidden_layers))
        writer.add_context_length(int(config.max_position_embeddings))
        writer.add_embedding_length(int(config.hidden_size))
        writer.add_feed_forward_length(int(config.intermediate_size))
        writer.add_head_count(int(config.num_attention_heads))
        writer.add_head_count_kv(int(config.num_key_value_heads))
        writer.add_layer_norm_rms_eps(float(config.rms_norm_eps))
        writer.add_rope_freq_base(float(rope.get("rope_theta", 10000.0)))
        writer.add_rope_dimension_count(_head_size(config))
        writer.add_key_length(_head_size(config))
        writer.add_value_length(_head_size(config))
        writer.add_vocab_size(int(config.vocab_size))
        if rope.get("rope_type") == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(float(rope["factor"]))


def _head_size(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
