"""How the cost of ours grows: over examples per step, prefix length, rows, and tasks on one warm base."""

import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from anytasktune.chat import Encoded
from anytasktune.models.load import BaseLM
from benchmarks.bench_tasks import BenchTask
from benchmarks.our_engine import Setup, Work, stepping, train_pool

_REST, _ANSWER, _PREFIX = 32, 4, 300


@dataclass(frozen=True)
class Scale:
    """The points that are measured."""

    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    prefixes: tuple[int, ...] = (0, 100, 200, 400, 800, 1200)
    rows: tuple[int, ...] = (32, 64, 128, 256)
    tasks: int = 20
    rows_per_task: int = 32
    timed_steps: int = 2


GLANCE = Scale((1, 4), (0, 200), (16, 32), 2, 16, 1)


@dataclass(frozen=True)
class Point:
    """One measured cost."""

    x: int
    seconds: float
    examples: int
    """Trained in that time."""

    @property
    def per_example(self) -> float:
        return self.seconds / self.examples


@dataclass(frozen=True)
class Growth:
    """Cost along one axis."""

    axis: str
    unit: str
    """What `seconds` are for."""
    points: list[Point]


def over_batch(base: BaseLM, setup: Setup, scale: Scale) -> Growth:
    """Seconds of a step over its examples; 300 tokens of prefix, 32 of rest."""
    prefix = min(_PREFIX, base.info.context_length - _REST)
    seconds = [_step_seconds(base, replace(setup, batch=size), prefix, scale.timed_steps) for size in scale.batches]
    points = [Point(size, taken, size) for size, taken in zip(scale.batches, seconds, strict=True)]
    return Growth("examples per step", "step", points)


def over_prefix(base: BaseLM, setup: Setup, scale: Scale) -> Growth:
    """Seconds of a step over the length of what its examples share; 32 tokens of rest."""
    fitting = [length for length in scale.prefixes if length + _REST <= base.info.context_length]
    points = [Point(length, _step_seconds(base, setup, length, scale.timed_steps), setup.batch) for length in fitting]
    return Growth("prefix tokens", "step", points)


def _step_seconds(base: BaseLM, setup: Setup, prefix: int, timed_steps: int) -> float:
    rows = _random_rows(len(base.format.tokenizer), prefix, setup.batch)
    seconds = []
    with stepping(base, setup, rows, [0] * len(rows)) as step:
        for _ in range(1 + timed_steps):
            start = time.perf_counter()
            step(list(range(len(rows))))
            seconds.append(time.perf_counter() - start)
    return fmean(seconds[1:])


def _random_rows(words: int, prefix: int, count: int) -> list[Encoded]:
    chooser = random.Random(0)
    shared = chooser.choices(range(words), k=prefix)
    # the first token of each rest differs from its neighbours', so that no more than the prefix is shared
    rests = [[place % words, *chooser.choices(range(words), k=_REST - 1)] for place in range(count)]
    return [Encoded(shared + rest, prefix + _REST - _ANSWER) for rest in rests]


def over_rows(base: BaseLM, bench: BenchTask, setup: Setup, scale: Scale) -> Growth:
    """Seconds of a whole run of one epoch (rendering, steps, log, saving) over its rows."""
    points = []
    for count in [count for count in scale.rows if count <= len(bench.train)]:
        work = Work(bench.task, bench.train[:count], f"rows-{count}")
        points.append(Point(count, _run_seconds(base, setup, [work]), count))
    return Growth("rows", "run of one epoch", points)


def over_tasks(base: BaseLM, benches: Sequence[BenchTask], setup: Setup, scale: Scale) -> Growth:
    """Seconds for a growing pool on one warm base: one epoch over as many rows of each task."""
    points, seconds, rows = [], 0.0, scale.rows_per_task
    for number in range(scale.tasks):
        bench = benches[number % len(benches)]
        first = number // len(benches) * rows
        part = (bench.train[first:] + bench.train)[:rows]
        seconds += _run_seconds(base, setup, [Work(bench.task, part, f"task-{number}")])
        points.append(Point(number + 1, seconds, (number + 1) * rows))
    return Growth("tasks", f"pool with {rows} rows per task", points)


def _run_seconds(base: BaseLM, setup: Setup, pool: Sequence[Work]) -> float:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-growth-") as place:
        train_pool(base, setup, pool, Path(place))
        return time.perf_counter() - start
