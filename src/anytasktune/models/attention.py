"""Attention for short rows and grouped heads, and the choice between kinds of attention.

Small models share each key/value head among several query heads. The library's eager attention copies the keys and values once
per query head, and its backward pass adds the copies up again. Here the query heads of a group are stacked as rows of one
matrix, so that nothing is copied; the numbers are the same up to rounding.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, eager_mask

GROUPED = "anytasktune_grouped"
_EAGER_UP_TO = 1024
# architectures whose attention is the plain softmax, with at most a soft cap; others keep the library's own
_PLAIN_SOFTMAX = {"llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3_text", "granite"}


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Softmax attention: query [b, heads, q, d], key and value [b, groups, k, d], additive mask [b, 1, q, k].

    Returns:
        [b, q, heads, d], and None for the weights nobody asks for.
    """
    batch, heads, length, width = query.shape
    groups = key.shape[1]
    stacked = query.reshape(batch, groups, -1, width)
    scores = (torch.matmul(stacked, key.transpose(2, 3)) * scaling).view(batch, groups, heads // groups, length, -1)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if attention_mask is not None:
        scores = scores + attention_mask.unsqueeze(2)
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    mixed = torch.matmul(weights.view(batch, groups, -1, weights.shape[-1]), value)
    return mixed.view(batch, heads, length, width).transpose(1, 2).contiguous(), None


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, eager_mask)


def short_attention(model_type: str) -> str:
    """Name of the attention for short rows on this architecture."""
    return GROUPED if model_type in _PLAIN_SOFTMAX else "eager"


@contextlib.contextmanager
def attention_for(model: PreTrainedModel, longest: int) -> Iterator[None]:
    """The kind of attention that suits training on rows of up to `longest` tokens, for the length of the block.

    Unfused attention has the faster backward pass on a CPU, but keeps a table of row length squared per head and layer; fused
    attention (SDPA) keeps none, so long rows take it.
    """
    usual = model.config._attn_implementation
    model.set_attn_implementation(usual if longest <= _EAGER_UP_TO else "sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
