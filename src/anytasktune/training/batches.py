"""Rows cut at the prefix they share. Pure: token lists in, token lists out.

All examples of a task begin with the same instruction. The tokens they share are the *prefix* (length P), the rest of an
example is its *suffix*.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from anytasktune.chat import Encoded, shared_prefix

_MIN_SAVING = 1.1

Branches = Mapping[tuple[int, ...], tuple[int, ...]]
"""Beginning of an answer → the tokens that continue some label after it, where there are several."""


@dataclass(frozen=True)
class Row:
    """One example without the prefix of its group."""

    group: int
    suffix: list[int]
    first_target: int
    """Index in `suffix` of the first trained token; at least 1, so that its predictor is in the suffix too."""

    @property
    def targets(self) -> int:
        return len(self.suffix) - self.first_target

    @property
    def read(self) -> int:
        """Tokens of the suffix that pass through the model: all but the last, which predicts nothing."""
        return len(self.suffix) - 1


@dataclass(frozen=True)
class RowSet:
    """Examples with their prefixes: `prefixes[row.group] + row.suffix` is the whole example.

    Attributes:
        branches: group → the branches of its labels, for groups whose answers are labels.
    """

    prefixes: list[list[int]]
    rows: list[Row]
    branches: Mapping[int, Branches] = field(default_factory=dict)


def label_branches(labels: Sequence[Sequence[int]]) -> Branches:
    """The branches of labels, given by their tokens with the end of the turn."""
    following: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for label in labels:
        for place, token in enumerate(label):
            following[tuple(label[:place])].add(token)
    return {beginning: tuple(sorted(tokens)) for beginning, tokens in following.items() if len(tokens) > 1}


def build_rows(
    examples: Sequence[Encoded],
    groups: Sequence[object],
    *,
    share: bool,
    batch_size: int,
    branches: Mapping[object, Branches] = MappingProxyType({}),
) -> RowSet:
    """Cut off the tokens that the examples of a group (one instruction, one language) share.

    Args:
        examples: encoded examples.
        groups: per example, a key equal for examples that render the same instruction.
        share: False for models that cannot reuse a prefix.
        batch_size: examples per step; a prefix too short to save anything at this size is not shared.
        branches: by key, the branches of the group's labels, where the loss is one over labels.
    """
    members: dict[object, list[Encoded]] = defaultdict(list)
    for example, key in zip(examples, groups, strict=True):
        members[key].append(example)
    cuts: dict[object, int] = {}
    for key, group in members.items():
        prefix = shared_prefix([example.ids[: example.prompt_length] for example in group]) if share else 0
        batch, mean = min(batch_size, len(group)), sum(len(example.ids) for example in group) / len(group)
        saving = batch * mean / (prefix + batch * (mean - prefix))
        cuts[key] = prefix if saving >= _MIN_SAVING else 0
    numbers = {key: number for number, key in enumerate(members)}
    rows = [
        Row(numbers[key], example.ids[cuts[key] :], example.prompt_length - cuts[key])
        for example, key in zip(examples, groups, strict=True)
    ]
    of_group = {numbers[key]: found for key, found in branches.items() if key in numbers}
    return RowSet([group[0].ids[: cuts[key]] for key, group in members.items()], rows, of_group)
