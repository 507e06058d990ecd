"""RMS norms with a short backward pass.

Autograd takes a norm written in elementary operations back through a dozen float32 copies of its input. The same gradient
takes four operations in the model's own precision: with n = x/rms(x) and h = g·w it is (h − n·mean(h·n)) / rms(x).
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

_SAME_FORMULA = {
    "LlamaRMSNorm",
    "MistralRMSNorm",
    "Qwen2RMSNorm",
    "Qwen3RMSNorm",
    "SmolLM3RMSNorm",
    "GraniteRMSNorm",
    "Phi3RMSNorm",
}


class _Norm(torch.autograd.Function):
    """x [..., h] → w · x / sqrt(mean(x²) + eps)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        normed = (x * scale).to(x.dtype)
        ctx.save_for_backward(normed, scale.to(x.dtype), weight)
        return normed * weight

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        normed, scale, weight = ctx.saved_tensors
        grad = grads[0] * weight
        share = torch.linalg.vecdot(grad, normed).unsqueeze(-1).div_(-normed.shape[-1])
        return torch.addcmul(grad, normed, share).mul_(scale), None, None


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
            return _Norm.apply(x, weight, self.eps)
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
