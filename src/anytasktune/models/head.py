"""Hidden states → logits, for chosen positions only.

A causal model's own forward pass computes logits for every position; here the vocabulary-sized product is made only where
a token is trained or chosen. What some architectures do to their logits afterwards is done too.
"""

from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

_LOGIT_BYTES = 256 << 20


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


class _TokenLosses(torch.autograd.Function):
    """Cross entropy of each target; the gradient of the hidden states is made in the forward pass, chunk by chunk."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, model: PreTrainedModel, targets: torch.Tensor, rows: int) -> torch.Tensor:
        losses, gradients = [], []
        wanted = ctx.needs_input_grad[0]
        for start in range(0, len(hidden), rows):
            with torch.set_grad_enabled(wanted):
                chunk = hidden[start : start + rows].detach().requires_grad_(wanted)
                loss = cross_entropy(logits_at(model, chunk), targets[start : start + rows], reduction="none")
                if wanted:
                    gradients += torch.autograd.grad(loss.sum(), chunk)
            losses.append(loss.detach())
        ctx.save_for_backward(*gradients)
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradient = torch.cat(ctx.saved_tensors)
        return gradient * grads[0].unsqueeze(1).to(gradient.dtype), None, None, None


def token_losses(model: PreTrainedModel, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Float32 cross entropy [n] of each target [n] under the logits of `hidden` [n, hidden].

    Never more than about 256 MB of logits exist at a time: at once when there are few, in chunks when there are many.
    """
    vocabulary = model.get_output_embeddings().out_features
    rows = max(1, _LOGIT_BYTES // (4 * vocabulary))
    return _TokenLosses.apply(hidden, model, targets, rows)
