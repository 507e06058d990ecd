"""Own forward pass over packed rows, for decoders built like Llama.

Two RMS norms, attention with rotated queries and keys, a gated SiLU unit: Llama, Mistral, Qwen 2 and Qwen 3. The model's own
modules hold the weights; norms, rotation and gate have backward passes of a few operations, where autograd would go
back through every elementary one, and the last layer computes only the tokens whose hidden state is needed.
"""

from collections.abc import Callable

import torch
from torch import nn
from transformers import PreTrainedModel

from anytasktune.models.elementwise import add_norm, gated, rotated
from anytasktune.models.packed import Layout, ScoreRule, attention

Attend = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
_LAYERS = {"LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer"}


def has_usual_shape(model: PreTrainedModel) -> bool:
    """Whether `trunk_states` computes this model: not where others listen to its modules."""
    layers = getattr(model.base_model, "layers", None)
    if model.device.type != "cpu" or not isinstance(layers, nn.ModuleList):
        return False
    if any(module._forward_hooks for module in (model.base_model, *layers)):
        return False
    return all(type(layer).__name__ in _LAYERS and _is_silu(layer.mlp.act_fn) for layer in layers)


def _is_silu(activation: nn.Module) -> bool:
    return type(activation).__name__ in {"SiLU", "SiLUActivation"}


def stream_states(
    model: PreTrainedModel,
    ids: torch.Tensor,
    positions: torch.Tensor,
    layout: Layout,
    places: torch.Tensor | None = None,
    on_last: Callable[[torch.Tensor], None] = lambda _: None,
) -> torch.Tensor:
    """Hidden states [k, h] of a stream's tokens [1, T] at `places`, or of all."""

    def attend(module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        rule = ScoreRule(module.scaling, None, window_of(module))
        return attention(query, key, value, layout, int(module.layer_idx), rule)

    return trunk_states(model, ids, positions, attend, places, on_last)


def trunk_states(
    model: PreTrainedModel,
    ids: torch.Tensor,
    positions: torch.Tensor,
    attend: Attend,
    places: torch.Tensor | None = None,
    on_last: Callable[[torch.Tensor], None] = lambda _: None,
) -> torch.Tensor:
    """Hidden states [k, h] of tokens [1, T] at `places`, or of all.

    Args:
        attend: the attention of a layer: its module, query [T, heads, d], key and value [T, groups, d] → [T, heads, d].
        on_last: called with `places` when all further products are of these tokens alone.
    """
    trunk = model.base_model
    hidden, added = trunk.embed_tokens(ids[0]), None
    cos, sin = (part[0].unsqueeze(1) for part in trunk.rotary_emb(hidden.unsqueeze(0), position_ids=positions))
    for layer in trunk.layers:
        module = layer.self_attn
        hidden, normed = add_norm(hidden, added, layer.input_layernorm)
        query, key, value = (
            projection(normed).view(len(normed), -1, module.head_dim)
            for projection in (module.q_proj, module.k_proj, module.v_proj)
        )
        if hasattr(module, "q_norm"):
            query, key = add_norm(query, None, module.q_norm)[1], add_norm(key, None, module.k_norm)[1]
        mixed = attend(module, rotated(query, cos, sin), rotated(key, cos, sin), value).flatten(1)
        if places is not None and layer is trunk.layers[-1]:
            hidden, mixed = hidden.index_select(0, places), mixed.index_select(0, places)
            on_last(places)
        added = module.o_proj(mixed)
        hidden, normed = add_norm(hidden, added, layer.post_attention_layernorm)
        added = layer.mlp.down_proj(gated(layer.mlp.gate_proj(normed), layer.mlp.up_proj(normed)))
    return add_norm(hidden, added, trunk.norm)[1]


def window_of(module: nn.Module) -> int | None:
    """The sliding window of an attention module."""
    # a setting of the whole model for Mistral, of each layer for the others
    found = (
        module.config.sliding_window if type(module).__name__ == "MistralAttention" else getattr(module, "sliding_window", None)
    )
    return None if found is None else int(found)
