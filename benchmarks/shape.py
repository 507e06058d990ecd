"""How long prefix, rest and answer of a task's examples are, and how much work a step needs at least. Pure."""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean

from anytasktune.chat import Encoded, shared_prefix


@dataclass(frozen=True)
class Shape:
    """Tokens of a task's examples."""

    prefix: float
    """P: tokens all prompts of one instruction share (mean over the examples)."""
    rest: float
    """S: tokens of an example after the prefix, answer included (mean)."""
    answer: float
    """Trained tokens (mean)."""


def prefix_lengths(rows: Sequence[Encoded], groups: Sequence[Hashable]) -> dict[Hashable, int]:
    """Per group, the tokens all its prompts share."""
    members: dict[Hashable, list[list[int]]] = defaultdict(list)
    for row, group in zip(rows, groups, strict=True):
        members[group].append(row.ids[: row.prompt_length])
    return {group: shared_prefix(prompts) for group, prompts in members.items()}


def shape_of(rows: Sequence[Encoded], groups: Sequence[Hashable]) -> Shape:
    """P, S and answer length of a task."""
    prefixes = prefix_lengths(rows, groups)
    prefix = fmean(prefixes[group] for group in groups)
    return Shape(prefix, fmean(len(row.ids) for row in rows) - prefix, fmean(row.answer_length for row in rows))


def row_order(rows: int, batch: int, steps: int, seed: int) -> list[list[int]]:
    """Row indices of each step: shuffled epochs, always whole steps."""
    chooser = random.Random(seed)
    order: list[int] = []
    while len(order) < steps * batch:
        order += chooser.sample(range(rows), rows)
    return [order[start : start + batch] for start in range(0, steps * batch, batch)]


def padded_share(lengths: Sequence[int], micro_batch: int) -> float:
    """Share of padding in batches of `micro_batch` rows taken in this order and padded to their longest."""
    parts = [lengths[start : start + micro_batch] for start in range(0, len(lengths), micro_batch)]
    return 1 - sum(lengths) / sum(len(part) * max(part) for part in parts)


@dataclass(frozen=True)
class Need:
    """The least a step must compute."""

    trunk_tokens: int
    """Each prefix once; of each row every further token but the last, whose hidden state predicts nothing."""
    predictions: int
    """Positions at which the output head is needed."""


def step_need(rows: Sequence[Encoded], groups: Sequence[Hashable], prefixes: dict[Hashable, int]) -> Need:
    """Tokens one step over `rows` cannot do without."""
    once = sum(prefixes[group] for group in set(groups))
    rest = sum(len(row.ids) - 1 - prefixes[group] for row, group in zip(rows, groups, strict=True))
    return Need(once + rest, sum(row.answer_length for row in rows))
