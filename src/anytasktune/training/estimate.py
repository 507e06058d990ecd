"""What a run will take, told before it begins. Pure: token counts, settings and a measured rate in, numbers out.

Useful work is counted, not instructions: 4 floating-point operations per trunk weight and token (forward, and back through
frozen weights), 12 per attended pair and query width, 4 per weight of the output head and trained token, 6 per adapter weight
and token; half of that where nothing is learned. Time is this work over the rate of the bare matrix product on this machine,
times the share of it that the engine is known to reach.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anytasktune.models.shape import ModelShape
from anytasktune.schema import Estimate
from anytasktune.training.batches import RowSet

EFFICIENCY = 0.6
"""Useful work per second over the bare matrix product's. Found with `python -m benchmarks.calibrate`: together with the next
constant it fits steps of 520 to 3,500 tokens within a tenth (two idle cores, SmolLM2-135M, bfloat16 and float32)."""
SECONDS_PER_LAYER = 5e-3
"""What a layer costs in a training step however few its tokens."""


@dataclass(frozen=True)
class Load:
    """What passes through a model.

    Attributes:
        tokens: trunk tokens, a shared prefix once per step.
        pairs: query-key pairs, summed over queries.
        targets: trained tokens.
        passes: optimiser steps, or looks at dev.
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


def load_of(rows: RowSet, chosen: Iterable[int]) -> Load:
    """What one step over these rows passes through the model."""
    found = [rows.rows[index] for index in chosen]
    prefixes = [len(rows.prefixes[group]) for group in {row.group for row in found}]
    pairs = sum(length * (length + 1) // 2 for length in prefixes)
    for row in found:
        own = len(row.suffix)
        pairs += own * len(rows.prefixes[row.group]) + own * (own + 1) // 2
    tokens = sum(prefixes) + sum(len(row.suffix) for row in found)
    return Load(tokens, pairs, sum(row.targets for row in found))


@dataclass(frozen=True)
class Machine:
    """How fast this machine is.

    Attributes:
        rate: floating-point operations per second of the bare matrix product, in the model's precision and shapes.
    """

    rate: float

    def seconds(self, shape: ModelShape, rank: int, training: Load, watching: Load) -> float:
        """Time for what is trained on and for what is only looked at."""
        work = operations(shape, rank, training) + operations(shape, rank, watching) / 2
        floor = shape.layers * SECONDS_PER_LAYER * (training.passes + watching.passes / 2)
        return work / (self.rate * EFFICIENCY) + floor


def operations(shape: ModelShape, rank: int, load: Load) -> float:
    """Useful floating-point operations of training on `load`."""
    trunk = (4.0 * shape.trunk + 6.0 * shape.adapter(rank)) * load.tokens
    attention = 12.0 * shape.layers * shape.queries * load.pairs
    return trunk + attention + 4.0 * shape.hidden * shape.vocabulary * load.targets


@dataclass(frozen=True)
class Work:
    """All that a run would do if it is not stopped early.

    Attributes:
        training: over all steps.
        watching: over all looks at dev.
        largest: the step with most tokens.
    """

    training: Load
    watching: Load
    largest: Load

    @classmethod
    def of(cls, rows: tuple[RowSet, RowSet], order: Sequence[Sequence[int]], evals: int) -> "Work":
        """Count the rows of train and dev over the planned steps."""
        train, dev = rows
        steps = [load_of(train, chosen) for chosen in order]
        look = load_of(dev, range(len(dev.rows))) * min(evals, len(order)) if dev.rows else NOTHING
        return cls(sum(steps, NOTHING), look, max(steps, key=lambda step: step.tokens))


def estimate(work: Work, shape: ModelShape, rank: int, machine: Machine, memory_bytes: int) -> Estimate:
    """What a run will take."""
    seconds = machine.seconds(shape, rank, work.training, work.watching)
    return Estimate(tokens=work.training.tokens, seconds=round(seconds, 2), memory_bytes=memory_bytes)


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Runs one after the other: tokens and seconds add up, memory is that of the largest."""
    return Estimate(
        tokens=sum(item.tokens for item in estimates),
        seconds=round(sum(item.seconds for item in estimates), 2),
        memory_bytes=max((item.memory_bytes for item in estimates), default=0),
    )
