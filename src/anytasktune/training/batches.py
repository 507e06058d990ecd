"""Which examples go through the model together. Pure: token lists in, plans out.

All examples of a task begin with the same instruction. The tokens they share are the *prefix* (length P), the rest of an
example is its *suffix*.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anytasktune.chat import Encoded, shared_prefix

_MIN_SAVING = 1.1


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


def trunk_tokens(rows: RowSet, indices: Iterable[int]) -> int:
    """Tokens a step really needs: every prefix once, every suffix once, no padding."""
    chosen = [rows.rows[index] for index in indices]
    return sum(len(rows.prefixes[group]) for group in {row.group for row in chosen}) + sum(len(row.suffix) for row in chosen)


def eval_steps(steps: int, evals: int) -> set[int]:
    """After which steps (1-based) dev loss is measured: `evals` times, evenly, the last at the end."""
    count = min(steps, evals)
    return {math.ceil(steps * (index + 1) / count) for index in range(count)}
