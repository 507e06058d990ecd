"""Norms, rotations and gates of a decoder, with backward passes of a few operations.

Autograd takes a norm written in elementary operations back through a dozen float32 copies of its input, and a rotation
through as many slices. The same gradients take few operations in the model's own precision: of a norm, with
n = x/rms(x) and h = g·w, it is (h − n·mean(h·n)) / rms(x); of a rotation, the rotation back.
"""

from typing import Any

import torch
from torch import nn

from anytasktune.models import kernels


class _AddNorm(torch.autograd.Function):
    """x, y [..., h] → x + y, w · (x + y) / sqrt(mean((x + y)²) + eps)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, y: torch.Tensor | None, weight: torch.Tensor, eps: float
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        ctx.set_materialize_grads(False)
        ctx.added, ctx.fused = y is not None, kernels.runs(x, y, weight)
        if ctx.fused:
            total, normed = x if y is None else torch.empty_like(x), torch.empty_like(x)
            scales, width = torch.empty(x.shape[:-1], dtype=torch.float32), x.shape[-1]
            kernels.call("add_norm", x.dtype, x, y, weight, total, normed, scales, x.numel() // width, width, eps)
            ctx.save_for_backward(total, scales, weight)
            return (None if y is None else total), normed
        total = x if y is None else x + y
        norm = torch.linalg.vector_norm(total, dim=-1, keepdim=True, dtype=torch.float32)
        scale = norm.square_().div_(total.shape[-1]).add_(eps).rsqrt_()
        normed = (total * scale).to(total.dtype)
        ctx.save_for_backward(normed, scale.to(total.dtype), weight)
        return (None if y is None else total), normed * weight

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        saved, scale, weight = ctx.saved_tensors
        of_total, of_normed = grads
        if of_normed is None:
            return of_total, of_total if ctx.added else None, None, None
        if ctx.fused:
            of_normed, of_total = of_normed.contiguous(), None if of_total is None else of_total.contiguous()
            grad, width = torch.empty_like(saved), saved.shape[-1]
            sizes = saved.numel() // width, width
            kernels.call("add_norm_backward", saved.dtype, of_normed, of_total, saved, scale, weight, grad, *sizes)
        else:
            grad = of_normed * weight
            share = torch.linalg.vecdot(grad, saved).unsqueeze(-1).div_(-saved.shape[-1])
            grad = torch.addcmul(grad, saved, share).mul_(scale)
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
    if kernels.runs(states, cos, sin):
        result = torch.empty_like(states)
        kernels.call("rotate", states.dtype, states, cos, sin, result, *states.shape, float(direction))
        return result
    half = states.shape[-1] // 2
    result = states * cos
    result[..., :half].addcmul_(states[..., half:], sin[..., :half], value=-direction)
    result[..., half:].addcmul_(states[..., :half], sin[..., half:], value=direction)
    return result


def rotated(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Queries or keys [T, heads, d] with their positions rotated in."""
    result: torch.Tensor = _Rotation.apply(states, cos, sin)
    return result


class _Gate(torch.autograd.Function):
    """silu(gate) · up by the kernels."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        result = torch.empty_like(gate)
        kernels.call("gate", gate.dtype, gate, up, result, gate.numel())
        return result

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate, up = ctx.saved_tensors  # nobody reads them after this, so their memory is used for the gradients
        kernels.call("gate_backward", gate.dtype, grads[0].contiguous(), gate, up, gate.numel())
        return gate, up


def gated(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """silu(gate) · up."""
    if kernels.runs(gate, up):
        result: torch.Tensor = _Gate.apply(gate, up)
        return result
    return nn.functional.silu(gate) * up
