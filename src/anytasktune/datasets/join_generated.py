"""Generated rows join the rows a task has of its own.

Where the task has enough dev and test rows of its own, all generated rows go to train. Where it has not, they are split, too:
a row goes where its parents or its document went, nearly equal rows go together, and the rest fills up the splits. Then
every generated row that leaks into another split is dropped; a row of the task's own never is.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.row_checking import check_row
from anytasktune.datasets.split import LEAK, Group, assign_groups, connected, row_key, splits_to_fill
from anytasktune.schema import SPLIT_NAMES, Candidate, Example, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.similarity import group_similar, match_similar
from anytasktune.text.plain_text import normalise

Splits = Mapping[SplitName, Sequence[Example]]
_REASONS: dict[SplitName, str] = {"test": LEAK, "dev": "leaks_into_dev", "train": "occurs_in_train"}
"""Split whose row an input repeats → reason to drop it."""


@dataclass(frozen=True)
class Joined:
    """Assignment of the generated rows.

    Attributes:
        placed: position among the generated rows → its split, in ascending order.
        dropped: position → why it is in none.
    """

    placed: dict[int, SplitName]
    dropped: dict[int, RowError]

    @property
    def reasons(self) -> dict[str, int]:
        """Dropped rows, counted by reason."""
        return dict(sorted(Counter(fault.reason for fault in self.dropped.values()).items()))


def join_generated(
    task: Task, own: Splits, generated: Sequence[Candidate], *, documents: Mapping[str, SplitName], config: SplitConfig
) -> Joined:
    """Find a split for every generated row.

    Args:
        task: the task of the rows; an output that does not fit it is dropped for the reasons of `check_row`.
        own: the task's own rows, split; perhaps none.
        generated: the generated rows.
        documents: document → split of its rows, as sealed; empty where documents were not assigned.
        config: shares and seed of the split.

    Returns:
        The splits, which do not depend on the order of `own`. Further reasons for dropping: `duplicate`, `leaks_into_test`,
        `leaks_into_dev`, and `occurs_in_train` (a generated dev or test row that is nearly an own train row).
    """
    dropped = dict(_unusable(task, own, generated))
    shares = splits_to_fill(own, config)
    relatives = _Relatives(own, documents)
    placed: dict[int, SplitName] = {}
    for position in (position for position in range(len(generated)) if position not in dropped):
        if (leak := relatives.leak(generated[position], shares)) is not None:
            dropped[position] = leak
        else:
            placed[position] = "train"
    if len(shares) > 1:
        placed = _assigned(own, {position: generated[position] for position in placed}, relatives, shares, config)
    for name in reversed(SPLIT_NAMES):  # what test loses to the task's own rows is no reason to drop anything from train
        leaks = dict(_leaks(own, generated, placed, name, config.near_duplicate))
        placed = {position: split for position, split in placed.items() if position not in leaks}
        dropped |= leaks
    while leaks := dict(_children_of_leaks(generated, placed, dropped)):
        placed = {position: split for position, split in placed.items() if position not in leaks}
        dropped |= leaks
    return Joined(placed, dict(sorted(dropped.items())))


def _unusable(task: Task, own: Splits, generated: Sequence[Candidate]) -> Iterator[tuple[int, RowError]]:
    own_inputs = {normalise(row.input): name for name in SPLIT_NAMES for row in own.get(name, ())}
    first: dict[str, int] = {}
    for position, candidate in enumerate(generated):
        key = normalise(candidate.input)
        name = own_inputs.get(key)
        if (fault := check_row(task, candidate.example())) is not None:
            yield position, fault
        elif name is not None and name != "train":
            yield position, RowError(_REASONS[name], f"its input is that of a row of {name}")
        elif name is not None or key in first:
            earlier = "a train row" if name else f"generated row {first[key] + 1}"
            yield position, RowError("duplicate", f"its input is that of {earlier}")
        else:
            first[key] = position


class _Relatives:
    """The own rows and the documents that generated rows come from, and their splits."""

    def __init__(self, own: Splits, documents: Mapping[str, SplitName]) -> None:
        self._documents = documents
        self._rows: dict[str, SplitName] = {row.id: name for name, rows in own.items() for row in rows}
        self._sources: dict[str, SplitName] = {
            row.source: name for name, rows in own.items() for row in rows if row.source is not None
        }

    def leak(self, candidate: Candidate, shares: Mapping[SplitName, float]) -> RowError | None:
        """The reason to drop a row because its parent is in a split that takes no generated rows."""
        for parent in candidate.origin.parents:
            split = self._rows.get(parent, "train")
            if split not in shares:
                return RowError(_REASONS[split], f"its parent is a row of {split}")
        return None

    def split(self, candidate: Candidate) -> SplitName | None:
        """The split of its closest relative: an own row that is its parent, one of the same source, its document."""
        parents = {self._rows[parent] for parent in candidate.origin.parents if parent in self._rows}
        if parents:
            return max(parents, key=SPLIT_NAMES.index)
        document = candidate.origin.span.document if candidate.origin.span else candidate.source
        own = self._sources.get(candidate.source) if candidate.source is not None else None
        return own or (self._documents.get(document) if document is not None else None)

    def ties(self, candidate: Candidate) -> set[Hashable]:
        """Rows with a tie in common stay together; `split` serves ties to own rows already."""
        parents = [parent for parent in candidate.origin.parents if parent not in self._rows]
        ties: set[Hashable] = {("row", identity) for identity in (candidate.id, *parents)}
        if candidate.origin.passage is not None:
            ties.add(("passage", candidate.origin.passage))
        from_document = candidate.origin.passage is not None or candidate.origin.span is not None
        if candidate.source is not None and (self._documents or not from_document):
            ties.add(("source", candidate.source))
        return ties


def _assigned(
    own: Splits, rows: Mapping[int, Candidate], relatives: _Relatives, shares: Mapping[SplitName, float], config: SplitConfig
) -> dict[int, SplitName]:
    """A split for every row: that of its relatives, else of nearly equal rows, else where rows are missing."""
    places: list[SplitName] = [name for name in SPLIT_NAMES for _ in own.get(name, ())]
    inputs = [row.input for name in SPLIT_NAMES for row in own.get(name, ())]
    labels = group_similar([*inputs, *(candidate.input for candidate in rows.values())], config.near_duplicate)
    split_of_alike = dict(zip(reversed(labels[: len(places)]), reversed(places), strict=True))
    alike = dict(zip(rows, labels[len(places) :], strict=True))
    tied = dict(zip(rows, connected(relatives.ties(candidate) for candidate in rows.values()), strict=True))

    splits = _inherited({position: relatives.split(candidate) for position, candidate in rows.items()}, tied, {})
    splits_by_alike = _inherited(splits, alike, split_of_alike)
    free = [position for position in rows if splits[position] is None]
    whole = dict(zip(free, connected([("tied", tied[at]), ("alike", alike[at])] for at in free), strict=True))
    splits |= _inherited({position: splits_by_alike[position] for position in free}, whole, {})

    members: dict[int, list[int]] = {}
    for position in (position for position in free if splits[position] is None):
        members.setdefault(whole[position], []).append(position)
    groups = []
    for grouped in members.values():
        order, first = min((row_key(rows[position].example(), config.seed), position) for position in grouped)
        groups.append(Group(grouped, rows[first].output, order))
    placed = {position: name if name in shares else "train" for position, name in splits.items() if name is not None}
    if groups:
        there = Counter(placed.values()) + Counter({name: len(own.get(name, ())) for name in shares})
        total, all_shares = len(rows) - len(placed) + sum(there.values()), sum(shares.values())
        missing = {name: share / all_shares * total - there[name] for name, share in shares.items()}
        for name, group in assign_groups(groups, missing):
            placed |= dict.fromkeys(group.members, name)
    return dict(sorted(placed.items()))


def _inherited(
    splits: Mapping[int, SplitName | None], labels: Mapping[int, int], known: Mapping[int, SplitName]
) -> dict[int, SplitName | None]:
    """Rows without a split get that of those with the same label; of several, the first."""
    found: dict[int, SplitName] = dict(known)
    for position, name in splits.items():
        label = labels[position]
        if name is not None and (label not in found or SPLIT_NAMES.index(name) < SPLIT_NAMES.index(found[label])):
            found[label] = name
    return {position: name or found.get(labels[position]) for position, name in splits.items()}


def _leaks(
    own: Splits, generated: Sequence[Candidate], placed: Mapping[int, SplitName], name: SplitName, threshold: float
) -> Iterator[tuple[int, RowError]]:
    """Generated rows of split `name` that nearly occur in another split: one that measures it, or among the own rows of any."""
    positions = [position for position, split in placed.items() if split == name]
    inputs = [generated[position].input for position in positions]
    for other in (other for other in SPLIT_NAMES if other != name):  # test last: of two reasons the graver one counts
        known = [row.input for row in own.get(other, ())]
        if SPLIT_NAMES.index(other) > SPLIT_NAMES.index(name):
            known += [generated[position].input for position, split in placed.items() if split == other]
        matches = match_similar(inputs, known, threshold) if known else []
        for position in (position for position, match in zip(positions, matches, strict=False) if match is not None):
            yield position, RowError(_REASONS[other], f"its input is the same, or nearly, as that of a row of {other}")


def _children_of_leaks(
    generated: Sequence[Candidate], placed: Mapping[int, SplitName], dropped: Mapping[int, RowError]
) -> Iterator[tuple[int, RowError]]:
    """Rows whose parent was dropped as a leak, for instance its translations, which no comparison would find."""
    leaked = {generated[at].id: fault.reason for at, fault in dropped.items() if fault.reason in _REASONS.values()}
    for position in placed:
        if parent := next((parent for parent in generated[position].origin.parents if parent in leaked), None):
            yield position, RowError(leaked[parent], "its parent is a leak")
