"""How fast this machine multiplies matrices, measured in a fraction of a second."""

import time

import torch

from anytasktune.models.shape import ModelShape
from anytasktune.training.estimate import Machine

_TOKENS = 512
_SECONDS = 0.15
_MOST = 2000


def probe(shape: ModelShape, device: torch.device, dtype: torch.dtype) -> Machine:
    """The rate of the bare matrix product in a model's precision, on the shapes of its feed-forward block."""
    up = torch.randn(shape.inner, shape.hidden, device=device, dtype=dtype) * 0.02
    x = torch.randn(_TOKENS, shape.hidden, device=device, dtype=dtype)
    down = up.t().contiguous()
    _pair(x, up, down, device)  # the first product sets things up
    times: list[float] = []
    while sum(times) < _SECONDS and len(times) < _MOST:
        start = time.perf_counter()
        _pair(x, up, down, device)
        times.append(time.perf_counter() - start)
    # the median: what others do on the machine slows some products down, and will slow some steps down
    median = sorted(times)[len(times) // 2]
    return Machine(rate=4.0 * _TOKENS * shape.hidden * shape.inner / median)


def _pair(x: torch.Tensor, up: torch.Tensor, down: torch.Tensor, device: torch.device) -> None:
    torch.nn.functional.linear(torch.nn.functional.linear(x, up), down)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
