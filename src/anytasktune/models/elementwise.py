"""Norms, rotations and gates of a decoder, with backward passes of a few operations.

Autograd takes a norm written in elementary operations back through a dozen float32 copies of its input, and a rotation
through as many slices. The same gradients take few operations in the model's own precision: of a norm, with
n = x/rms(x) and h = g·w, it is (h − n·mean(h·n)) / rms(x); of a rotation, the rotation back.
"""

from typing import Any

import torch
from torch import nn


class _AddNorm(torch.autograd.Function):
    """x, y [..., h] → x + y, w · (x + y) / sqrt(mean((x + y)²) + eps)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, y: torch.Tensor | None, weight: torch.Tensor, eps: float
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        total = x if y is None else x + y
        norm = torch.linalg.vector_norm(total, dim=-1, keepdim=True, dtype=torch.float32)
        scale = norm.square_().div_(total.shape[-1]).add_(eps).rsqrt_()
        normed = (total * scale).to(total.dtype)
        ctx.save_for_backward(normed, scale.to(total.dtype), weight)
        ctx.set_materialize_grads(False)
        ctx.added = y is not None
        return (None if y is None else total), normed * weight

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        normed, scale, weight = ctx.saved_tensors
        of_total, of_normed = grads
        if of_normed is None:
            return of_total, of_total if ctx.added else None, None, None
        grad = of_normed * weight
        share = torch.linalg.vecdot(grad, normed).unsqueeze(-1).div_(-normed.shape[-1])
        grad = torch.addcmul(grad, normed, share).mul_(scale)
        grad = grad if of_total is None else grad.add_(of_total)
        return grad, grad if ctx.added else None, None, None


def add_norm(x: torch.Tensor, y: torch.Tensor | None, norm: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """x + y (x where y is None) and its RMS norm by a module's frozen weight."""
    total, normed = _AddNorm.apply(x, y, norm.weight, float(norm.variance_epsilon))
    return (x if y is None else total), normed


class _Rotation(torch.autograd.Function):
    """States [T, heads, d] rotated by angles whose cosines and sines are [T, 1, d]."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return _turn(states, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turn(grads[0], cos, sin, -1), None, None


def _turn(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, direction: int) -> torch.Tensor:
    half = states.shape[-1] // 2
    result = states * cos
    result[..., :half].addcmul_(states[..., half:], sin[..., :half], value=-direction)
    result[..., half:].addcmul_(states[..., :half], sin[..., half:], value=direction)
    return result


def rotated(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Queries or keys [T, heads, d] with their positions rotated in."""
    result: torch.Tensor = _Rotation.apply(states, cos, sin)
    return result


def gated(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """silu(gate) · up."""
    return nn.functional.silu(gate) * up
