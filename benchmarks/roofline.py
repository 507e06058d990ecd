"""How much of what the machine can multiply goes into products a step cannot do without.

Useful work of an optimiser step, in floating-point operations: 4·N for every trunk token needed (2·N forward, 2·N for the
gradient of the inputs; the frozen weights need none), where N counts the weights of the trunk's linear layers, and 4·V·d for
every position whose logits are needed (V words, width d). LoRA's own products, attention, norms and the optimiser are not
useful work.
The limit is the rate of the bare products x·Wᵀ of the same layers' shapes on 1,024 tokens, measured between the steps.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import torch
from torch import nn

from anytasktune.models.load import BaseLM
from benchmarks.bench_tasks import BenchTask
from benchmarks.our_engine import Setup, stepping
from benchmarks.shape import prefix_lengths, row_order, step_need
from benchmarks.training import WARM_UP, EncodedTask

_GEMM_TOKENS = 1024
_GEMM_SECONDS = 0.3


@dataclass(frozen=True)
class RooflineResult:
    """Rates in GFLOP/s."""

    task: str
    dtype: str
    trunk_tokens: float
    """Needed by a step (mean)."""
    predictions: float
    seconds: float
    """Per step (mean)."""
    useful: float
    """Over all timed steps."""
    best: float
    """Of the step with the highest rate: what is left when nothing disturbs it."""
    bare: float
    """Best of all turns."""

    @property
    def share(self) -> float:
        return self.useful / self.bare

    @property
    def best_share(self) -> float:
        return self.best / self.bare


@dataclass(frozen=True)
class _Trunk:
    """Shapes [out, in] of a model's linear layers, and its head's."""

    layers: Counter[tuple[int, int]]
    head: tuple[int, int]

    @classmethod
    def of(cls, base: BaseLM) -> "_Trunk":
        head = base.model.get_output_embeddings()
        linear = [m for m in base.model.modules() if isinstance(m, nn.Linear) and m is not head]
        shapes = Counter((module.out_features, module.in_features) for module in linear)
        return cls(shapes, (head.out_features, head.in_features))

    @property
    def weights(self) -> int:
        return sum(out * inside * count for (out, inside), count in self.layers.items())


def measure_roofline(base: BaseLM, bench: BenchTask, setup: Setup, timed_steps: int) -> RooflineResult:
    """Steps of ours on one task, bare products before, between and after them."""
    trunk = _Trunk.of(base)
    data = EncodedTask.of(base, bench)
    prefixes = prefix_lengths(data.rows, data.groups)
    order = row_order(len(data.rows), setup.batch, WARM_UP + timed_steps, setup.seed)
    needs = [step_need([data.rows[i] for i in step], [data.groups[i] for i in step], prefixes) for step in order[WARM_UP:]]
    seconds, bare = [], [_bare_rate(trunk, base)]
    with stepping(base, setup, data.rows, data.groups) as step:
        for number, indices in enumerate(order):
            start = time.perf_counter()
            step(indices)
            if number >= WARM_UP:
                seconds.append(time.perf_counter() - start)
                bare.append(_bare_rate(trunk, base))
    words, width = trunk.head
    work = [4 * trunk.weights * need.trunk_tokens + 4 * words * width * need.predictions for need in needs]
    return RooflineResult(
        task=bench.name,
        dtype=base.dtype,
        trunk_tokens=fmean(need.trunk_tokens for need in needs),
        predictions=fmean(need.predictions for need in needs),
        seconds=fmean(seconds),
        useful=sum(work) / sum(seconds) / 1e9,
        best=max(done / taken for done, taken in zip(work, seconds, strict=True)) / 1e9,
        bare=max(bare),
    )


def _bare_rate(trunk: _Trunk, base: BaseLM) -> float:
    """GFLOP/s over the trunk's mix of shapes."""
    dtype = base.model.dtype
    seconds = work = 0.0
    for (out, inside), count in trunk.layers.items():
        x = torch.randn(_GEMM_TOKENS, inside, device=base.device, dtype=dtype)
        weight = torch.randn(out, inside, device=base.device, dtype=dtype)
        share = _GEMM_SECONDS / len(trunk.layers)
        seconds += count * _best_seconds(partial(nn.functional.linear, x, weight), base.device, share)
        work += count * 2 * _GEMM_TOKENS * out * inside
    return work / seconds / 1e9


def _best_seconds(run: Callable[[], torch.Tensor], device: torch.device, budget: float) -> float:
    best, spent = float("inf"), 0.0
    run()
    while spent < budget:
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken = time.perf_counter() - start
        best, spent = min(best, taken), spent + taken
    return best
