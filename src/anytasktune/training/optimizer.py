"""AdamW over the adapter's flat tensor: warm-up, cosine decay, clipping, all as single operations."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from anytasktune.models.lora import Adapter

_FLOOR = 0.1


@dataclass(frozen=True)
class Schedule:
    """Learning rate by step: a linear rise over the first `warmup` share, then a cosine to a tenth of the peak."""

    peak: float
    steps: int
    warmup: float

    def rate(self, step: int) -> float:
        """The rate of step `step` (0-based)."""
        rising = round(self.steps * self.warmup)
        if step < rising:
            return self.peak * (step + 1) / (rising + 1)
        progress = (step - rising) / max(1, self.steps - rising)
        return self.peak * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))


class FlatAdamW:
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101) on all adapter weights as one tensor."""

    def __init__(self, adapter: Adapter, *, weight_decay: float, max_grad_norm: float) -> None:
        self.adapter = adapter
        self.max_grad_norm = max_grad_norm
        self.parameter = nn.Parameter(adapter.flat)
        self.parameter.grad = adapter.grad
        fused = adapter.device.type in {"cpu", "cuda"}
        self.adamw = torch.optim.AdamW([self.parameter], lr=0.0, weight_decay=weight_decay, fused=fused)

    def step(self, rate: float) -> None:
        """Clip the gradient to `max_grad_norm`, update the weights, clear the gradient."""
        norm = torch.linalg.vector_norm(self.adapter.grad)
        self.adapter.grad.mul_((self.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        self.adamw.param_groups[0]["lr"] = rate
        self.adamw.step()
        self.adapter.grad.zero_()

    def state(self) -> dict[str, torch.Tensor]:
        """Moments and step count, for a checkpoint."""
        return {key: value.detach().cpu().clone() for key, value in self.adamw.state[self.parameter].items()}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from `state()` of an earlier process."""
        device = self.adapter.device
        on_device = {
            key: value.to(device if key != "step" or self.adamw.defaults["fused"] else "cpu") for key, value in state.items()
        }
        self.adamw.state[self.parameter] = on_device
