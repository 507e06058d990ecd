"""RMS norms with a short backward pass (see `elementwise`) in the place of a model's own."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn
from transformers import PreTrainedModel

from anytasktune.models.elementwise import add_norm

_SAME_FORMULA = {
    "LlamaRMSNorm",
    "MistralRMSNorm",
    "Qwen2RMSNorm",
    "Qwen3RMSNorm",
    "SmolLM3RMSNorm",
    "GraniteRMSNorm",
    "Phi3RMSNorm",
}


class ShortNorm(nn.Module):
    """Stands in a norm's place during training; its weight is frozen."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.eps = float(norm.variance_epsilon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., h] → [..., h]."""
        weight = self.norm.weight
        if x.device.type == "cpu":
            return add_norm(x, None, self.norm)[1]
        return nn.functional.rms_norm(x, weight.shape, weight, self.eps)


@contextlib.contextmanager
def short_norms(model: PreTrainedModel) -> Iterator[None]:
    """The model with short norms where their formula is the usual one, for the length of the block."""
    places = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child).__name__ in _SAME_FORMULA
    ]
    for parent, name, child in places:
        setattr(parent, name, ShortNorm(child))
    try:
        yield
    finally:
        for parent, name, child in places:
            setattr(parent, name, child)
