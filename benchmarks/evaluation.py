"""Answers of ours and of Hugging Face `generate`, in turns, on the same prompts with the same adapter."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from transformers import PreTrainedModel

from anytasktune.models.load import BaseLM
from anytasktune.outputs import LabelOutput
from anytasktune.schema import Answer, Example
from benchmarks.bench_tasks import BenchTask
from benchmarks.hf_generate import generate_with_hf, plain_model
from benchmarks.our_engine import Setup, Work, answer, encode, generate_ids, model_folder, prompts, train_pool
from benchmarks.shape import shape_of

_ATTENTION = "sdpa"
_MOST_NEW_TOKENS = 128
Value = TypeVar("Value")


@dataclass(frozen=True)
class EvaluationResult:
    """One task in one precision, both sides; seconds are for all rows."""

    task: str
    dtype: str
    scored_labels: bool
    """Whether ours scores labels (and `our_generate_seconds` is the like-for-like time) instead of generating."""
    rows: int
    batch: int
    prefix: float
    rest: float
    new_tokens: float
    """Tokens of an answer (mean)."""
    hf_seconds: list[float]
    our_seconds: list[float]
    our_generate_seconds: list[float]
    equal_answers: float
    """Share of rows whose generated tokens are all the same on both sides."""

    @property
    def ratio(self) -> float:
        return fmean(self.hf_seconds) / fmean(self.our_seconds)

    @property
    def generate_ratio(self) -> float:
        return fmean(self.hf_seconds) / fmean(self.our_generate_seconds)


def tuned_adapter(base: BaseLM, bench: BenchTask, setup: Setup, steps: int, place: Path) -> Path:
    """An adapter that has learned the form of the answers, so that they end as they would in use."""
    rows = bench.train[: steps * setup.batch]
    (adapter,) = train_pool(base, setup, [Work(bench.task, rows, bench.name)], place)
    return adapter


@dataclass(frozen=True)
class _Sides:
    """Who answers the prompts of one task, and how."""

    base: BaseLM
    bench: BenchTask
    examples: list[Example]
    adapter: Path
    batch: int
    hf_model: PreTrainedModel

    @cached_property
    def asked(self) -> list[list[int]]:
        return prompts(self.base, self.bench.task, self.examples)

    @cached_property
    def room(self) -> int:
        """Most new tokens, for both."""
        longest = max(len(self.base.format.answer_ids(row.output)) for row in self.examples)
        return min(_MOST_NEW_TOKENS, 8 + longest * 3 // 2)

    @property
    def scores_labels(self) -> bool:
        return isinstance(self.bench.task.output, LabelOutput)

    def theirs(self) -> list[list[int]]:
        ends = self.base.format.rendering.end_of_turn
        ids: list[list[int]] = generate_with_hf(self.hf_model, self.asked, self.batch, self.room, ends)
        return ids

    def ours(self) -> list[list[int]]:
        return generate_ids(self.base, self.asked, self.adapter, self.room, self.base.format.rendering.end_of_turn)

    def scored(self) -> list[Answer]:
        return answer(self.base, self.bench.task, self.examples, self.adapter, self.room)

    def warm_up(self) -> None:
        few = replace(self, examples=self.examples[:2])
        few.theirs(), few.ours()
        if self.scores_labels:
            few.scored()


def compare_evaluation(
    base: BaseLM, bench: BenchTask, setup: Setup, adapter: Path, count: int, rounds: int = 2
) -> EvaluationResult:
    """Measure one task in the precision of `base`: Hugging Face between two passes of ours, `rounds` times.

    Args:
        count: test rows answered.
    """
    hf_model = plain_model(model_folder(setup), adapter, base.dtype, _ATTENTION)
    sides = _Sides(base, bench, bench.test[:count], adapter, setup.batch, hf_model)
    sides.warm_up()
    hf_seconds, our_seconds, scored_seconds = [], [], []
    for _ in range(rounds):
        before, mine = _timed(sides.ours)
        scored_seconds += [_timed(sides.scored)[0]] if sides.scores_labels else []
        taken, others = _timed(sides.theirs)
        scored_seconds += [_timed(sides.scored)[0]] if sides.scores_labels else []
        after, _ = _timed(sides.ours)
        hf_seconds.append(taken)
        our_seconds += [before, after]
    shape = shape_of(encode(base, bench.task, sides.examples), [bench.task.language_of(row.language) for row in sides.examples])
    return EvaluationResult(
        task=bench.name,
        dtype=base.dtype,
        scored_labels=sides.scores_labels,
        rows=len(sides.examples),
        batch=setup.batch,
        prefix=shape.prefix,
        rest=shape.rest - shape.answer,
        new_tokens=fmean(len(ids) for ids in others),
        hf_seconds=hf_seconds,
        our_seconds=scored_seconds or our_seconds,
        our_generate_seconds=our_seconds,
        equal_answers=fmean(a == b for a, b in zip(mine, others, strict=True)),
    )


def _timed(run: Callable[[], Value]) -> tuple[float, Value]:
    start = time.perf_counter()
    value = run()
    return time.perf_counter() - start, value
