"""The time a run takes, estimated before it begins from token counts, settings and a measured rate.

Useful work is counted, not instructions: 4 floating-point operations per trunk weight and token (forward, and back through
frozen weights), 12 per attended pair and query width, 4 per weight of the output head and trained token, 6 per adapter weight
and token; half of that without a backward pass. Time is this work over the rate of the bare matrix product on this machine,
times the share of it that the engine is known to reach.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from anytasktune.models.shape import ModelShape
from anytasktune.schema import Estimate
from anytasktune.training.batches import RowSet

EFFICIENCY = 0.6
"""Useful work per second over the bare matrix product's. Found with `python -m benchmarks.calibrate`: together with the next
constant it fits steps of 520 to 3,500 tokens within a tenth (two idle cores, SmolLM2-135M, bfloat16 and float32)."""
SECONDS_PER_LAYER = 5e-3
"""Fixed time of a layer in a training step, however few its tokens."""
_PROBE_TOKENS = 512
_PROBE_SECONDS = 0.15
_PROBE_MOST = 2000


@dataclass(frozen=True)
class Load:
    """Tokens that pass through a model.

    Attributes:
        tokens: trunk tokens, a shared prefix once per step.
        pairs: query-key pairs, summed over queries.
        targets: trained tokens.
        passes: optimiser steps, or dev evaluations.
    """

    tokens: int
    pairs: int
    targets: int
    passes: int = 1

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.tokens + other.tokens, self.pairs + other.pairs, self.targets + other.targets, self.passes + other.passes
        )

    def __mul__(self, times: int) -> "Load":
        return Load(self.tokens * times, self.pairs * times, self.targets * times, self.passes * times)


NOTHING = Load(0, 0, 0, 0)


@dataclass(frozen=True)
class Answering:
    """Rows that one system answers.

    Attributes:
        rows: number of rows.
        batch_tokens: most prompt tokens answered together.
        shots: examples shown.
        shared: whether every row is shown the same ones, which are then read once.
        by_label: whether answers are chosen by the likeliest label instead of being generated.
    """

    rows: int
    batch_tokens: int
    shots: int = 0
    by_label: bool = False
    shared: bool = True


def load_of(rows: RowSet, chosen: Iterable[int]) -> Load:
    """The load of one step over these rows."""
    found = [rows.rows[index] for index in chosen]
    prefixes = [len(rows.prefixes[group]) for group in {row.group for row in found}]
    pairs = sum(length * (length + 1) // 2 for length in prefixes)
    for row in found:
        own = row.read
        pairs += own * len(rows.prefixes[row.group]) + own * (own + 1) // 2
    tokens = sum(prefixes) + sum(row.read for row in found)
    return Load(tokens, pairs, sum(row.targets for row in found))


def operations(shape: ModelShape, rank: int, load: Load) -> float:
    """Useful floating-point operations of training on `load`."""
    trunk = (4.0 * shape.trunk + 6.0 * shape.adapter(rank)) * load.tokens
    attention = 12.0 * shape.layers * shape.queries * load.pairs
    return trunk + attention + 4.0 * shape.hidden * shape.vocabulary * load.targets


def evaluations(evals: int, steps: int) -> int:
    """Evaluations on dev of a run of `steps` steps: at most `evals`, and that of the average of the last weights."""
    count = min(evals, steps)
    return count + 1 if count > 1 else count


@dataclass(frozen=True)
class Work:
    """The load of a whole run, if it is not stopped early.

    Attributes:
        training: over all steps.
        evaluation: over all dev evaluations.
        largest: the step with most tokens.
    """

    training: Load
    evaluation: Load
    largest: Load

    @classmethod
    def of(cls, train: RowSet, dev: RowSet, order: Sequence[Sequence[int]], evals: int) -> "Work":
        """Count the rows of train and dev over the planned steps."""
        steps = [load_of(train, chosen) for chosen in order]
        evaluation = load_of(dev, range(len(dev.rows))) * evaluations(evals, len(order)) if dev.rows else NOTHING
        return cls(sum(steps, NOTHING), evaluation, max(steps, key=lambda step: step.tokens, default=NOTHING))


def estimate(work: Work, shape: ModelShape, rank: int, rate: float, memory_bytes: int) -> Estimate:
    """The time a run takes, with the memory it is expected to need.

    Args:
        rate: floating-point operations per second of the bare matrix product, in the model's precision and shapes.
    """
    useful = operations(shape, rank, work.training) + operations(shape, rank, work.evaluation) / 2
    fixed = shape.layers * SECONDS_PER_LAYER * (work.training.passes + work.evaluation.passes / 2)
    seconds = useful / (rate * EFFICIENCY) + fixed
    return Estimate(tokens=work.training.tokens, seconds=round(seconds, 2), memory_bytes=memory_bytes)


def answering_seconds(plan: RowSet, shape: ModelShape, answers: Answering, rate: float) -> float:
    """The time in which rows like those of `plan` are answered, with answers of the same lengths.

    Args:
        rate: as for `estimate`.
    """
    own = sum(len(row.suffix) for row in plan.rows) / len(plan.rows)
    written = sum(row.targets for row in plan.rows) / len(plan.rows)
    shown = answers.shots * (own + written)
    prefix = max(map(len, plan.prefixes)) + (shown if answers.shared else 0)
    suffix = own + (0 if answers.shared else shown)
    batches = math.ceil(answers.rows * suffix / answers.batch_tokens)
    tokens = batches * prefix + answers.rows * (suffix + written)
    pairs = answers.rows * (suffix + written) * (prefix + suffix)
    load = Load(round(tokens), round(pairs), round(answers.rows * written))
    # token by token where an answer is generated; all labels are read in one more pass
    passes = batches * (1 + (1 if answers.by_label else max(row.targets for row in plan.rows)))
    useful = operations(shape, 0, load) / 2
    return useful / (rate * EFFICIENCY) + shape.layers * SECONDS_PER_LAYER * passes / 2


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Runs one after the other: tokens and seconds add up, memory is that of the largest."""
    return Estimate(
        tokens=sum(item.tokens for item in estimates),
        seconds=round(sum(item.seconds for item in estimates), 2),
        memory_bytes=max((item.memory_bytes for item in estimates), default=0),
    )


def matmul_rate(shape: ModelShape, device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations per second of matrix products in a model's precision, on the shapes of its feed-forward block.

    Measured in a fraction of a second.
    """
    up = torch.randn(shape.inner, shape.hidden, device=device, dtype=dtype) * 0.02
    x = torch.randn(_PROBE_TOKENS, shape.hidden, device=device, dtype=dtype)
    down = up.t().contiguous()

    def multiply() -> float:
        start = time.perf_counter()
        torch.nn.functional.linear(torch.nn.functional.linear(x, up), down)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter() - start

    multiply()  # the first product sets things up
    times: list[float] = []
    while sum(times) < _PROBE_SECONDS and len(times) < _PROBE_MOST:
        times.append(multiply())
    # the median: other processes slow some products down, and will slow some steps down
    return 4.0 * _PROBE_TOKENS * shape.hidden * shape.inner / sorted(times)[len(times) // 2]
