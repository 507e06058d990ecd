"""Hidden states → logits, for chosen positions only.

A causal model's own forward pass computes logits for every position; here the vocabulary-sized product is made only where
a token is trained or chosen. What some architectures do to their logits afterwards is done too.
"""

import torch
from transformers import PreTrainedModel


def logits_at(model: PreTrainedModel, hidden: torch.Tensor) -> torch.Tensor:
    """Float32 logits [n, vocabulary] of hidden states [n, hidden].

    `hidden` must be two-dimensional and contiguous: for a slice of a 3-D tensor PyTorch copies the head's weight per row.
    """
    config = model.config
    logits = model.get_output_embeddings()(hidden)
    if scaling := getattr(config, "logits_scaling", None):  # Granite
        logits = logits / scaling
    if scale := getattr(config, "logit_scale", None):  # Cohere
        logits = logits * scale
    if cap := getattr(config, "final_logit_softcapping", None):  # Gemma 2
        logits = torch.tanh(logits / cap) * cap
    return logits.float()


def shares_prefix(model: PreTrainedModel) -> bool:
    """Whether every layer attends to all earlier tokens, so that a prefix's keys and values can be computed once.

    False for recurrent layers and for sliding windows; such models take the plain path.
    """
    config = model.config
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return all(kind == "full_attention" for kind in kinds)
    return not getattr(config, "sliding_window", None) and not getattr(config, "is_encoder_decoder", False)
