"""Optimiser steps of ours and of TRL's `SFTTrainer`, in turns: same base, rows, order, first weights, optimiser and rate."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from anytasktune.chat import Encoded
from anytasktune.models.load import BaseLM
from anytasktune.schema import Example
from benchmarks.bench_tasks import BenchTask
from benchmarks.our_engine import Setup, encode, model_folder, save_fresh_adapter, stepping
from benchmarks.shape import padded_share, row_order, shape_of
from benchmarks.trl_settings import SettingTrial, TrlSettings, within_memory

WARM_UP = 1


@dataclass(frozen=True)
class TrainingResult:
    """One task, both sides. The first step of each side is not timed; its loss counts."""

    task: str
    dtype: str
    trl: TrlSettings
    batch: int
    prefix: float
    rest: float
    answer: float
    trl_padding: float
    """Share of padding in TRL's batches: what still better length grouping could save it."""
    trl_seconds: list[float]
    """Per timed step."""
    our_seconds: list[float]
    """Per timed step; the same steps, once per pass."""
    trl_losses: list[float]
    our_losses: list[float]

    @property
    def trl_step(self) -> float:
        return fmean(self.trl_seconds)

    @property
    def our_step(self) -> float:
        return fmean(self.our_seconds)

    @property
    def ratio(self) -> float:
        """How many times more samples a second."""
        return self.trl_step / self.our_step

    @property
    def loss_difference(self) -> float:
        """Largest difference between the loss curves, and so of everything before them."""
        return max(abs(a - b) for a, b in zip(self.trl_losses, self.our_losses, strict=True))


@dataclass(frozen=True)
class EncodedTask:
    """A task's training rows as tokens, with the key of the instruction each renders."""

    rows: list[Encoded]
    groups: list[str]

    @property
    def row_tokens(self) -> float:
        """Length of a row (mean)."""
        return fmean(len(row.ids) for row in self.rows)

    @classmethod
    def of(cls, base: BaseLM, bench: BenchTask) -> "EncodedTask":
        examples: Sequence[Example] = bench.train
        return cls(encode(base, bench.task, examples), [bench.task.language_of(example.language) for example in examples])


def compare_training(
    base: BaseLM, bench: BenchTask, setup: Setup, settings: TrlSettings, timed_steps: int, place: Path
) -> TrainingResult:
    """Measure one task.

    After each of TRL's steps ours runs all the steps once, from the untrained adapter, so that whatever else goes on on the
    machine meets both.

    Args:
        timed_steps: TRL's optimiser steps after the warm-up.
        place: a folder for the untrained adapter.
    """
    from benchmarks.trl_trainer import train_with_trl

    data = EncodedTask.of(base, bench)
    order = row_order(len(data.rows), setup.batch, WARM_UP + timed_steps, setup.seed)
    adapter = save_fresh_adapter(base, setup, place / "fresh-adapter")
    settings = within_memory(settings, max(len(data.rows[index].ids) for indices in order for index in indices))
    seconds: list[float] = []
    losses: list[float] = []

    def our_turn(_: int) -> None:
        losses[:], taken = our_pass(base, setup, data, order)
        seconds.extend(taken[WARM_UP:])

    steps = [[data.rows[index] for index in indices] for indices in order]
    theirs = train_with_trl((model_folder(setup), adapter), steps, setup, settings, our_turn)
    shape = shape_of(data.rows, data.groups)
    sorted_lengths = [sorted(len(row.ids) for row in step) for step in steps]
    return TrainingResult(
        task=bench.name,
        dtype=base.dtype,
        trl=settings,
        batch=setup.batch,
        prefix=shape.prefix,
        rest=shape.rest,
        answer=shape.answer,
        trl_padding=padded_share([length for step in sorted_lengths for length in step], settings.micro_batch),
        trl_seconds=theirs.seconds[WARM_UP:],
        our_seconds=seconds,
        trl_losses=theirs.losses,
        our_losses=losses,
    )


def our_pass(base: BaseLM, setup: Setup, data: EncodedTask, order: Sequence[list[int]]) -> tuple[list[float], list[float]]:
    """All steps once, from the untrained adapter. Returns losses and seconds."""
    losses, seconds = [], []
    with stepping(base, setup, data.rows, data.groups) as step:
        for indices in order:
            start = time.perf_counter()
            losses.append(step(indices))
            seconds.append(time.perf_counter() - start)
    return losses, seconds


def try_settings(
    base: BaseLM, bench: BenchTask, setup: Setup, settings: TrlSettings, timed_steps: int, place: Path
) -> SettingTrial:
    """Time TRL alone; every candidate gets the same rows."""
    from benchmarks.trl_trainer import train_with_trl

    data = EncodedTask.of(base, bench)
    order = row_order(len(data.rows), setup.batch, WARM_UP + timed_steps, setup.seed)
    adapter = save_fresh_adapter(base, setup, place / "fresh-adapter")
    steps = [[data.rows[index] for index in indices] for indices in order]
    run = train_with_trl((model_folder(setup), adapter), steps, setup, settings)
    return SettingTrial(bench.name, data.row_tokens, settings, run.seconds[0], run.seconds[WARM_UP:])
