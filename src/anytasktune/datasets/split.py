"""Rows → train, dev and test, such that test says something about rows never seen.

Rows of one source, rows with the same input and rows with nearly the same input stay together. The division depends on the
rows and the seed alone, not on the order the rows come in.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.read_result import ReadResult
from anytasktune.datasets.split_assignment import Group, deal, split_shares
from anytasktune.errors import DataError
from anytasktune.ids import text_hash
from anytasktune.schema import SPLIT_NAMES, DroppedRow, Example, SplitName
from anytasktune.settings import SplitConfig
from anytasktune.similarity import group_similar, match_similar

LEAK = "leaks_into_test"


def split_examples(examples: Sequence[Example], config: SplitConfig) -> dict[SplitName, list[Example]]:
    """Divide `examples`.

    Sizes come as close to the asked shares as the groups allow (within about the largest group), and outputs that occur
    often are spread over the splits evenly. In each split the rows are in a seeded order.

    Returns:
        The splits with a share above zero; together they hold every example once.

    Raises:
        DataError: too few independent groups of rows for the shares.
    """
    shares = split_shares(config)
    groups = _groups(examples, config)
    _require_enough(groups, shares, len(examples))
    splits: dict[SplitName, list[Example]] = {name: [] for name in shares}
    for name, group in deal(groups, {name: share * len(examples) for name, share in shares.items()}):
        splits[name] += group.members
    for name, rows in splits.items():
        if not rows:
            fix = "add rows from other sources, or ask for other shares"
            raise DataError(f"{name} would be empty: {len(examples)} rows form only {len(groups)} independent groups", fix=fix)
    return {name: seeded_order(rows, config.seed) for name, rows in splits.items()}


def seeded_order(examples: Iterable[Example], seed: int) -> list[Example]:
    """The examples in an order that depends on them and the seed only, and is mixed in every respect."""
    return sorted(examples, key=lambda example: row_key(example, seed))


def check_splits(splits: Mapping[SplitName, Sequence[Example]], *, near_duplicate: float = 0.8) -> list[DroppedRow]:
    """Rows of train and dev whose input stands in test, too, word for word or nearly.

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
    """The same check on splits as read: the rows are dropped from train and dev, and test stays whole.

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


def _require_enough(groups: Sequence[Group[Example]], shares: Mapping[SplitName, float], rows: int) -> None:
    needed = math.ceil(round(1 / min(shares.values()), 6))
    if len(groups) < needed:
        asked = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        alike = f" in {len(groups)} independent groups" if len(groups) < rows else ""
        fix = f"at least {needed} rows with different inputs and sources are needed; add rows"
        raise DataError(f"{rows} rows{alike} are too few for {asked}", fix=fix)


def _groups(examples: Sequence[Example], config: SplitConfig) -> list[Group[Example]]:
    """Rows joined by source and by similar inputs, directly or through each other."""
    labels = group_similar([example.input for example in examples], config.near_duplicate)
    parents = list(range(len(examples)))
    first_of_source: dict[str, int] = {}
    for index, example in enumerate(examples):
        _join(parents, index, labels[index])
        if example.source is not None:
            _join(parents, index, first_of_source.setdefault(example.source, index))
    members: dict[int, list[Example]] = {}
    for index, example in enumerate(examples):
        members.setdefault(_root(parents, index), []).append(example)
    return [_group(rows, config.seed) for rows in members.values()]


def _group(members: list[Example], seed: int) -> Group[Example]:
    ordered = seeded_order(members, seed)
    return Group(ordered, ordered[0].output, row_key(ordered[0], seed))


def row_key(example: Example, seed: int) -> str:
    """A row's place in the order of `seed`."""
    return text_hash(f"{seed}\n{example.id}\n{example.source or ''}")


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _join(parents: list[int], first: int, second: int) -> None:
    parents[_root(parents, first)] = _root(parents, second)
