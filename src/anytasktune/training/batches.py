"""Which examples go through the model together. Pure: token lists in, plans out.

All examples of a task begin with the same instruction. The tokens they share are the *prefix* (length P), the rest of an
example is its *suffix*. A step's examples become micro-batches of suffixes of similar length.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from anytasktune.chat import Encoded, shared_prefix

_MIN_SAVING = 1.1
_GOOD_GEMM_TOKENS = 256
_MAX_PADDING = 0.25


@dataclass(frozen=True)
class Row:
    """One example without the prefix of its group."""

    group: int
    suffix: list[int]
    first_target: int
    """Where in `suffix` the trained tokens begin; at least 1, so that its predictor is in the suffix too."""

    @property
    def targets(self) -> int:
        return len(self.suffix) - self.first_target


@dataclass(frozen=True)
class RowSet:
    """Examples with their prefixes: `prefixes[row.group] + row.suffix` is the whole example."""

    prefixes: list[list[int]]
    rows: list[Row]


def build_rows(examples: Sequence[Encoded], groups: Sequence[object], *, share: bool, batch_size: int) -> RowSet:
    """Cut off what the examples of a group (one instruction, one language) share.

    Args:
        examples: encoded examples.
        groups: per example, a key equal for examples that render the same instruction.
        share: False for models that cannot reuse a prefix.
        batch_size: examples per step; a prefix too short to pay at this size is not shared.
    """
    members: dict[object, list[Encoded]] = defaultdict(list)
    for example, key in zip(examples, groups, strict=True):
        members[key].append(example)
    keys = list(members)
    lengths = {key: _prefix_length(members[key], batch_size) if share else 0 for key in keys}
    prefixes = [members[key][0].ids[: lengths[key]] for key in keys]
    rows = []
    for example, key in zip(examples, groups, strict=True):
        cut = lengths[key]
        rows.append(Row(keys.index(key), example.ids[cut:], example.prompt_length - cut))
    return RowSet(prefixes, rows)


def _prefix_length(examples: Sequence[Encoded], batch_size: int) -> int:
    prefix = shared_prefix([example.ids[: example.prompt_length] for example in examples])
    mean = sum(len(example.ids) for example in examples) / len(examples)
    batch = min(batch_size, len(examples))
    saving = batch * mean / (prefix + batch * (mean - prefix))
    return prefix if saving >= _MIN_SAVING else 0


def step_order(rows: int, batch_size: int, steps: int, seed: int) -> list[list[int]]:
    """Row indices of every step. Each epoch is a new seeded permutation; its last step may be smaller."""
    plan: list[list[int]] = []
    epoch = 0
    while len(plan) < steps:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(rows, generator=generator).tolist()
        plan += [order[start : start + batch_size] for start in range(0, rows, batch_size)]
        epoch += 1
    return plan[:steps]


@dataclass(frozen=True)
class MicroBatch:
    """Suffixes of one group, padded on the right to a rectangle.

    Attributes:
        group: index of the prefix they follow.
        ids: [b, S] token ids; padding is 0 and, coming last, seen by no real token.
        predictors: [k] flat positions in [b·S] whose hidden state predicts a trained token.
        targets: [k] the trained tokens.
    """

    group: int
    ids: torch.Tensor
    predictors: torch.Tensor
    targets: torch.Tensor


def micro_batches(rows: Iterable[Row], max_tokens: int) -> list[MicroBatch]:
    """Cut a step's rows into rectangles of at most `max_tokens` (one row may exceed it) with little padding."""
    by_group: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_group[row.group].append(row)
    batches = []
    for group in sorted(by_group):
        ordered = sorted(by_group[group], key=lambda row: len(row.suffix))
        batches += [_rectangle(group, part) for part in _cut(ordered, max_tokens)]
    return batches


def _cut(ordered: list[Row], max_tokens: int) -> list[list[Row]]:
    parts: list[list[Row]] = [[]]
    tokens = 0
    for row in ordered:
        width = len(row.suffix)
        area = (len(parts[-1]) + 1) * width
        wasteful = tokens >= _GOOD_GEMM_TOKENS and area - tokens - width > _MAX_PADDING * area
        if parts[-1] and (area > max_tokens or wasteful):
            parts.append([])
            tokens = 0
        parts[-1].append(row)
        tokens += width
    return parts


def _rectangle(group: int, rows: list[Row]) -> MicroBatch:
    width = max(len(row.suffix) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    predictors: list[int] = []
    targets: list[int] = []
    for index, row in enumerate(rows):
        ids[index, : len(row.suffix)] = torch.tensor(row.suffix)
        predictors += range(index * width + row.first_target - 1, index * width + len(row.suffix) - 1)
        targets += row.suffix[row.first_target :]
    return MicroBatch(group, ids, torch.tensor(predictors), torch.tensor(targets))


def trunk_tokens(rows: RowSet, indices: Iterable[int]) -> int:
    """Tokens a step really needs: every prefix once, every suffix once, no padding."""
    chosen = [rows.rows[index] for index in indices]
    return sum(len(rows.prefixes[group]) for group in {row.group for row in chosen}) + sum(len(row.suffix) for row in chosen)


def eval_steps(steps: int, evals: int) -> set[int]:
    """After which steps (1-based) dev loss is measured: `evals` times, evenly, the last at the end."""
    count = min(steps, evals)
    return {math.ceil(steps * (index + 1) / count) for index in range(count)}
