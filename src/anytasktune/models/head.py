"""Hidden states → logits, for chosen positions only.

A causal model's own forward pass computes logits for every position; here the vocabulary-sized product is made only where
a token is trained or chosen. What some architectures do to their logits afterwards is done too.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from anytasktune.models import kernels

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


@dataclass(frozen=True)
class LabelChoices:
    """Targets that choose between labels: the beginning before them is shared by labels that go on in different ways.

    Attributes:
        places: [m] indices of these targets.
        tokens: [m, k] the tokens that continue some label there, -1 after the last.
        share: of the cross entropy over `tokens` in the loss of these targets; the rest is that over the vocabulary.
    """

    places: torch.Tensor
    tokens: torch.Tensor
    share: float

    def losses(self, plain: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor, start: int) -> torch.Tensor:
        """The losses `plain` [n] over the vocabulary, with those of choices mixed in.

        Args:
            logits, targets: [n, vocabulary] and [n], of the targets from number `start` on.
        """
        inside = (self.places >= start) & (self.places < start + len(plain))
        places, tokens = self.places[inside] - start, self.tokens[inside]
        continuing = logits[places.unsqueeze(1), tokens.clamp(min=0)].masked_fill(tokens < 0, -torch.inf)
        narrow = continuing.logsumexp(dim=1) - logits[places, targets[places]]
        return plain.index_add(0, places, self.share * (narrow - plain[places]))


class _TokenLosses(torch.autograd.Function):
    """Cross entropy of each target; the gradient of the hidden states is made in the forward pass, chunk by chunk."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        model: PreTrainedModel,
        targets: torch.Tensor,
        choices: LabelChoices | None,
        rows: int,
    ) -> torch.Tensor:
        losses, gradients = [], []
        wanted = ctx.needs_input_grad[0]
        fused = choices is None and not _changes_logits(model) and kernels.runs(hidden)
        for start in range(0, len(hidden), rows):
            if fused:
                loss, gradient = _fused_losses(model, hidden[start : start + rows], targets[start : start + rows], wanted)
                losses.append(loss)
                gradients += gradient
                continue
            with torch.set_grad_enabled(wanted):
                chunk = hidden[start : start + rows].detach().requires_grad_(wanted)
                logits, right = logits_at(model, chunk), targets[start : start + rows]
                loss = cross_entropy(logits, right, reduction="none")
                if choices is not None:
                    loss = choices.losses(loss, logits, right, start)
                if wanted:
                    gradients += torch.autograd.grad(loss.sum(), chunk)
            losses.append(loss.detach())
        ctx.save_for_backward(*gradients)
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradient = torch.cat(ctx.saved_tensors)
        return gradient * grads[0].unsqueeze(1).to(gradient.dtype), None, None, None, None


def _changes_logits(model: PreTrainedModel) -> bool:
    head, names = model.get_output_embeddings(), ("logits_scaling", "logit_scale", "final_logit_softcapping")
    return head.bias is not None or any(getattr(model.config, name, None) for name in names)


def _fused_losses(
    model: PreTrainedModel, hidden: torch.Tensor, targets: torch.Tensor, wanted: bool
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Losses [n], and the gradient [n, hidden] of the states if `wanted`."""
    weight = model.get_output_embeddings().weight
    logits, losses = hidden @ weight.t(), torch.empty(len(hidden), dtype=torch.float32)
    kernels.call("cross_entropy", logits.dtype, logits, targets, losses, *logits.shape)  # leaves their gradient in the logits
    return losses, [logits @ weight] if wanted else []


def token_losses(
    model: PreTrainedModel, hidden: torch.Tensor, targets: torch.Tensor, choices: LabelChoices | None = None
) -> torch.Tensor:
    """Float32 cross entropy [n] of each target [n] under the logits of `hidden` [n, hidden].

    Never more than about 256 MB of logits exist at a time: at once when there are few, in chunks when there are many.

    Args:
        choices: the targets whose loss is one over few tokens, wholly or in part.
    """
    vocabulary = model.get_output_embeddings().out_features
    rows = max(1, _LOGIT_BYTES // (4 * vocabulary))
    return _TokenLosses.apply(hidden, model, targets, choices, rows)
