"""Rows → train, dev and test, such that test measures a model on rows it has never seen.

Rows of one source, rows with the same input and rows with nearly the same input stay together. The split depends on the
rows and the seed alone, not on the order the rows come in.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.read_result import ReadResult
from anytasktune.errors import DataError, counted
from anytasktune.ids import text_hash
from anytasktune.schema import SPLIT_NAMES, DroppedRow, Example, SplitName
from anytasktune.settings import SplitConfig
from anytasktune.similarity import group_similar, match_similar

Member = TypeVar("Member")
Shares = Mapping[SplitName, float]

LEAK = "leaks_into_test"
ENOUGH_OWN_ROWS = {"dev": 10, "test": 20}
"""With fewer rows of its own in a split, a task has rows generated for that split, too."""
_LARGE_SHARE = 0.25


@dataclass(frozen=True)
class Group(Generic[Member]):
    """Members that stay together.

    Attributes:
        members: all of them; their number is the group's size.
        label: groups of one label are spread evenly over the splits.
        order: a seeded place.
    """

    members: Sequence[Member]
    label: str
    order: str


def split_examples(examples: Sequence[Example], config: SplitConfig) -> dict[SplitName, list[Example]]:
    """Split `examples`.

    Sizes come as close to the asked shares as the groups allow (within about the largest group), and outputs that occur
    often are spread over the splits evenly. In each split the rows are in a seeded order.

    Returns:
        The splits with a share above zero; together they hold every example once.

    Raises:
        DataError: too few independent groups of rows for the shares.
    """
    shares = split_shares(config)
    groups = independent_groups(examples, config)
    needed = math.ceil(round(1 / min(shares.values()), 6))
    if len(groups) < needed:
        asked = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        alike = f" in {counted(len(groups), 'independent group')}" if len(groups) < len(examples) else ""
        fix = f"at least {needed} rows with different inputs and sources are needed; add rows"
        raise DataError(f"{counted(len(examples), 'row')}{alike}: too few for {asked}", fix=fix)
    splits: dict[SplitName, list[Example]] = {name: [] for name in shares}
    for name, group in assign_groups(groups, {name: share * len(examples) for name, share in shares.items()}):
        splits[name] += group.members
    for name, rows in splits.items():
        if not rows:
            fix = "add rows from other sources, or ask for other shares"
            raise DataError(
                f"{name} would be empty: {counted(len(examples), 'row')} in only {counted(len(groups), 'independent group')}",
                fix=fix,
            )
    return {name: seeded_order(rows, config.seed) for name, rows in splits.items()}


def independent_groups(examples: Sequence[Example], config: SplitConfig) -> list[Group[Example]]:
    """Rows connected by source and by similar inputs, directly or through each other."""
    alike = group_similar([example.input for example in examples], config.near_duplicate)
    ties: list[list[Hashable]] = [
        [number] if example.source is None else [number, example.source]
        for number, example in zip(alike, examples, strict=True)
    ]
    members: dict[int, list[Example]] = {}
    for head, example in zip(connected(ties), examples, strict=True):
        members.setdefault(head, []).append(example)
    ordered = [seeded_order(rows, config.seed) for rows in members.values()]
    return [Group(rows, rows[0].output, row_key(rows[0], config.seed)) for rows in ordered]


def connected(ties: Iterable[Iterable[Hashable]]) -> list[int]:
    """For each item the first one it has a tie in common with, directly or through others (union-find)."""
    leader: list[int] = []
    first: dict[Hashable, int] = {}

    def root(item: int) -> int:
        while leader[item] != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for item, own_ties in enumerate(ties):
        leader.append(item)
        for tie in own_ties:
            one, two = sorted((root(item), root(first.setdefault(tie, item))))
            leader[two] = one
    return [root(item) for item in range(len(leader))]


def seeded_order(examples: Iterable[Example], seed: int) -> list[Example]:
    """The examples in an order that depends on them and the seed only, and is mixed in every respect."""
    return sorted(examples, key=lambda example: row_key(example, seed))


def row_key(example: Example, seed: int) -> str:
    """A row's place in the order of `seed`."""
    return text_hash(f"{seed}\n{example.id}\n{example.source or ''}")


def check_splits(splits: Mapping[SplitName, Sequence[Example]], *, near_duplicate: float = 0.8) -> list[DroppedRow]:
    """Find the rows of train and dev whose input is that of a test row, word for word or nearly.

    Args:
        splits: the splits as they came.
        near_duplicate: as in `SplitConfig`; inputs under `similarity.SHORT_TEXT` characters count only when equal.

    Returns:
        The rows to leave out, with the split's name as `file`, the 1-based place in the split as `row`, and the reason
        `leaks_into_test`.
    """
    found = _leaks(splits, near_duplicate)
    return [fault.at(name, position + 1) for name, faults in found.items() for position, fault in faults.items()]


def drop_leaks(results: Mapping[SplitName, ReadResult], *, near_duplicate: float = 0.8) -> dict[SplitName, ReadResult]:
    """Drop the rows that `check_splits` finds from train and dev; test stays whole.

    Raises:
        DataError: no row of a split is left.
    """
    found = _leaks({name: result.examples for name, result in results.items()}, near_duplicate)
    return {name: result.without(found.get(name, {})).require_rows() for name, result in results.items()}


def _leaks(splits: Mapping[SplitName, Sequence[Example]], threshold: float) -> dict[SplitName, dict[int, RowError]]:
    tests = [example.input for example in splits.get("test", ())]
    found: dict[SplitName, dict[int, RowError]] = {}
    for name in (name for name in SPLIT_NAMES if name != "test" and name in splits):
        matches = match_similar([example.input for example in splits[name]], tests, threshold)
        found[name] = {
            position: RowError(LEAK, f"its input is the same, or nearly, as that of example {match + 1} of test")
            for position, match in enumerate(matches)
            if match is not None
        }
    return found


def split_shares(config: SplitConfig) -> dict[SplitName, float]:
    """The share of each split that is to have rows."""
    shares: dict[SplitName, float] = {"train": 1 - config.dev - config.test, "dev": config.dev, "test": config.test}
    return {name: share for name, share in shares.items() if share > 0}


def splits_to_fill(own: Mapping[SplitName, Sequence[Example]], config: SplitConfig) -> dict[SplitName, float]:
    """Train, and the splits with fewer own rows than `ENOUGH_OWN_ROWS`: those that generated rows go to, with their shares."""
    shares = split_shares(config)
    return {name: share for name, share in shares.items() if name == "train" or len(own.get(name, ())) < ENOUGH_OWN_ROWS[name]}


def assign_groups(groups: Sequence[Group[Member]], missing: Shares) -> list[tuple[SplitName, Group[Member]]]:
    """A split for each group: large groups first, each to where most is missing; then the small ones, label by label.

    Args:
        groups: in any order.
        missing: the number of members each split should get.
    """
    left = dict(missing)
    large = max(1.0, _LARGE_SHARE * min(left.values()))
    assigned: list[tuple[SplitName, Group[Member]]] = []
    for group in sorted(groups, key=lambda group: (-len(group.members), group.order)):
        if len(group.members) > large:
            name = max(left, key=lambda name: left[name])
            left[name] -= len(group.members)
            assigned.append((name, group))
    return assigned + _assign_evenly([group for group in groups if len(group.members) <= large], left)


def _assign_evenly(groups: Sequence[Group[Member]], missing: Shares) -> list[tuple[SplitName, Group[Member]]]:
    """Assign groups in proportion to what is missing, so that any stretch of them is split in nearly that proportion."""
    first_of_label: dict[str, str] = {}
    for group in groups:
        first_of_label[group.label] = min(group.order, first_of_label.get(group.label, group.order))
    open_places = {name: max(0.0, count) for name, count in missing.items()}
    whole = sum(open_places.values())
    given = dict.fromkeys(open_places, 0)
    assigned: list[tuple[SplitName, Group[Member]]] = []
    done = 0
    for group in sorted(groups, key=lambda group: (first_of_label[group.label], group.label, group.order)):
        done += len(group.members)
        name = max(open_places, key=lambda name: open_places[name] / whole * done - given[name])
        given[name] += len(group.members)
        assigned.append((name, group))
    return assigned


def assign_documents(
    passages: Mapping[str, int], shares: Shares, seed: int, before: Mapping[str, SplitName] | None = None
) -> dict[str, SplitName]:
    """A split for every document, so that the passages are split as `shares` says and no split goes without.

    Args:
        passages: document → number of its passages.
        shares: split → share.
        seed: decides the order documents are assigned in.
        before: documents that have a split already, which they keep.

    Returns:
        Document → split, sorted by document.
    """
    groups = [Group([name] * max(1, count), "", text_hash(f"{seed}\n{name}")) for name, count in sorted(passages.items())]
    total, whole = sum(len(group.members) for group in groups), sum(shares.values())
    assigned = {name: split for name, split in (before or {}).items() if name in passages and split in shares}
    missing = {name: share / whole * total for name, share in shares.items()}
    for name, split in assigned.items():
        missing[split] -= max(1, passages[name])
    groups = [group for group in groups if group.members[0] not in assigned]
    if groups:
        assigned |= {group.members[0]: name for name, group in assign_groups(groups, missing)}
    for empty in (name for name in shares if name not in assigned.values()):
        richest = max(shares, key=lambda name: sum(split == name for split in assigned.values()))
        movable = [group for group in groups if assigned[group.members[0]] == richest]
        if movable:
            assigned[min(movable, key=lambda group: (len(group.members), group.order)).members[0]] = empty
    return dict(sorted(assigned.items()))
