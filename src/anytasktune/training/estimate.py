"""The time a run takes, estimated before it begins from token counts, settings and the measured speed of the machine.

Tokens, pairs of query and key, passes and trained tokens are counted; `machine_speed` has what each of them takes.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from anytasktune.models.device import synchronise
from anytasktune.models.shape import ModelShape
from anytasktune.schema import Estimate
from anytasktune.training.batches import RowSet

EFFICIENCY = 0.6
"""Useful work per second over the bare matrix product's, where only that is known."""
SECONDS_PER_LAYER = 5e-3
"""Fixed time of a layer in a training step, however few its tokens, where it is not measured."""
LABELS_AT_ONCE = 24
"""Tokens of labels read in one pass; a tuned model's search in a larger set ends after about as many."""
_COLD = 1.15
"""Time of all layers over that of one, whose weights stay in the cache, times their number: 1.05 to 1.3 on four tasks."""
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
        label_tokens: tokens of labels read for each row where the likeliest is the answer; 0 where answers are generated.
        limit: tokens of answers that run to the limit, as those of an untuned model do; 0: they are as long as the plan's.
    """

    rows: int
    batch_tokens: int
    shots: int = 0
    label_tokens: int = 0
    shared: bool = True
    limit: int = 0


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


@dataclass(frozen=True)
class Costs:
    """Seconds that a layer takes per token, per pair of query and key, and per pass."""

    token: float
    pair: float
    fixed: float

    def seconds(self, load: Load) -> float:
        """Time of a load in one layer."""
        return self.token * load.tokens + self.pair * load.pairs + self.fixed * load.passes


@dataclass(frozen=True)
class Speed:
    """The speed of a machine with a model.

    Attributes:
        training: of a step, forward and backward.
        reading: of a forward pass.
        writing: of a pass that adds a token to each of some rows.
        target: seconds of the output head per trained token, with its gradient.
    """

    training: Costs
    reading: Costs
    writing: Costs
    target: float


def nominal_speed(rate: float, shape: ModelShape, rank: int) -> Speed:
    """The speed that follows from the rate of matrix products alone, in floating-point operations per second."""
    useful = rate * EFFICIENCY
    token = operations(shape, rank, Load(1, 0, 0)) / shape.layers / useful
    training = Costs(token, 12.0 * shape.queries / useful, SECONDS_PER_LAYER)
    reading = Costs(training.token / 2, training.pair / 2, training.fixed / 2)
    return Speed(training, reading, reading, operations(shape, rank, Load(0, 0, 1)) / useful)


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


def estimate(work: Work, shape: ModelShape, speed: Speed, memory_bytes: int) -> Estimate:
    """The time a run takes, with the memory it is expected to need."""
    layers = shape.layers * (speed.training.seconds(work.training) + speed.reading.seconds(work.evaluation))
    head = speed.target * (work.training.targets + work.evaluation.targets / 2)
    return Estimate(tokens=work.training.tokens, seconds=round(_COLD * (layers + head), 2), memory_bytes=memory_bytes)


def answering_seconds(plan: RowSet, shape: ModelShape, answers: Answering, speed: Speed) -> float:
    """The time in which rows like those of `plan` are answered, with answers of the same lengths."""
    own = sum(len(row.suffix) for row in plan.rows) / len(plan.rows)
    answer = sum(row.targets for row in plan.rows) / len(plan.rows)
    written = answers.label_tokens or answers.limit or answer
    shown = answers.shots * own
    prefix = max(map(len, plan.prefixes)) + (shown if answers.shared else 0)
    suffix = own - answer + (0 if answers.shared else shown)
    batches = math.ceil(answers.rows * suffix / answers.batch_tokens)
    pairs = prefix**2 / 2 + answers.rows * suffix * (prefix + suffix / 2)
    read = Load(round(prefix + answers.rows * suffix), round(pairs), 0, batches)
    if answers.label_tokens:  # few in one pass, many in a search
        passes = 1 if written <= LABELS_AT_ONCE else round(written / 2)
    else:  # token by token
        passes = answers.limit or max(row.targets for row in plan.rows)
    added = Load(round(answers.rows * written), 0, 0, batches * passes)
    layers = shape.layers * (speed.reading.seconds(read) + speed.writing.seconds(added))
    return _COLD * (layers + speed.target / 2 * answers.rows * written)


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
        synchronise(device)
        return time.perf_counter() - start

    multiply()  # the first product sets things up
    times: list[float] = []
    while sum(times) < _PROBE_SECONDS and len(times) < _PROBE_MOST:
        times.append(multiply())
    # the median: other processes slow some products down, and will slow some steps down
    return 4.0 * _PROBE_TOKENS * shape.hidden * shape.inner / sorted(times)[len(times) // 2]
