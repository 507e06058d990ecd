"""Rows a teacher made join the rows a task has of its own.

Where the task has enough dev and test rows of its own, all made rows go to train. Where it has not, they are divided, too: a
row goes where the rows or the document it was made from went, nearly equal rows go together, and the rest fills up the splits.
Then whatever gives away a row of another split is dropped; a row of the task's own never is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.row_checking import check_row
from anytasktune.datasets.split import LEAK, row_key
from anytasktune.datasets.split_assignment import Group, deal, receiving
from anytasktune.schema import SPLIT_NAMES, Candidate, Example, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.similarity import group_similar, match_similar
from anytasktune.text.plain_text import normalise

Splits = Mapping[SplitName, Sequence[Example]]
_LEAKS = frozenset({LEAK, "leaks_into_dev", "stands_in_train"})


@dataclass(frozen=True)
class Joined:
    """What became of the made rows.

    Attributes:
        placed: position among the made rows → the split it is in, in ascending order.
        dropped: position → why it is in none.
    """

    placed: dict[int, SplitName]
    dropped: dict[int, RowError]

    @property
    def reasons(self) -> dict[str, int]:
        """Dropped rows, counted by reason."""
        return dict(sorted(Counter(fault.reason for fault in self.dropped.values()).items()))


def join_made(
    task: Task, own: Splits, made: Sequence[Candidate], *, documents: Mapping[str, SplitName], config: SplitConfig
) -> Joined:
    """Find a place for every made row.

    Args:
        task: what the rows are for; an output that does not fit it is dropped for the reasons of `check_row`.
        own: the task's own rows, divided; perhaps none.
        made: the made rows.
        documents: which split the rows of a document go to, as sealed; empty where documents were not dealt out.
        config: shares and seed of the division.

    Returns:
        The places, which do not depend on the order of `own`. Further reasons for dropping: `duplicate`, `leaks_into_test`,
        `leaks_into_dev`, and `stands_in_train` (a made dev or test row that says nearly what an own train row says).
    """
    dropped = dict(_unusable(task, own, made))
    usable = [position for position in range(len(made)) if position not in dropped]
    shares = receiving(own, config)
    family = _Family(own, documents)
    placed: dict[int, SplitName] = {}
    for position in usable:
        if (leak := family.leak(made[position], shares)) is not None:
            dropped[position] = leak
        else:
            placed[position] = "train"
    if len(shares) > 1:
        placed = _divided(own, {position: made[position] for position in placed}, family, shares, config)
    for name in reversed(SPLIT_NAMES):  # what test loses to the task's own rows is no reason to drop anything from train
        leaks = dict(_leaks(own, made, placed, name, config.near_duplicate))
        placed = {position: split for position, split in placed.items() if position not in leaks}
        dropped |= leaks
    while leaks := dict(_made_after_leaks(made, placed, dropped)):
        placed = {position: split for position, split in placed.items() if position not in leaks}
        dropped |= leaks
    return Joined(placed, dict(sorted(dropped.items())))


def _unusable(task: Task, own: Splits, made: Sequence[Candidate]) -> Iterator[tuple[int, RowError]]:
    own_inputs = {normalise(row.input): name for name in SPLIT_NAMES for row in own.get(name, ())}
    first: dict[str, int] = {}
    for position, candidate in enumerate(made):
        key = normalise(candidate.input)
        name = own_inputs.get(key)
        if (fault := check_row(task, candidate.example())) is not None:
            yield position, fault
        elif name is not None and name != "train":
            yield position, _leak(name, f"its input is that of a row of {name}")
        elif name is not None or key in first:
            earlier = "a train row" if name else f"made row {first[key] + 1}"
            yield position, RowError("duplicate", f"its input is that of {earlier}")
        else:
            first[key] = position


class _Family:
    """Which rows and documents made rows come from, and where those went."""

    def __init__(self, own: Splits, documents: Mapping[str, SplitName]) -> None:
        self._documents = documents
        self._rows: dict[str, SplitName] = {row.id: name for name, rows in own.items() for row in rows}
        self._sources: dict[str, SplitName] = {
            row.source: name for name, rows in own.items() for row in rows if row.source is not None
        }

    def leak(self, candidate: Candidate, shares: Mapping[SplitName, float]) -> RowError | None:
        """Why a row cannot be used at all: it was made after a row of a split that takes no made rows."""
        for parent in candidate.origin.parents:
            split = self._rows.get(parent, "train")
            if split not in shares:
                return _leak(split, f"it was made after a row of {split}")
        return None

    def place(self, candidate: Candidate) -> SplitName | None:
        """Where its closest relative went: a row it was made after, one of the same source, its document."""
        parents = {self._rows[parent] for parent in candidate.origin.parents if parent in self._rows}
        if parents:
            return max(parents, key=SPLIT_NAMES.index)
        document = candidate.origin.span.document if candidate.origin.span else candidate.source
        own = self._sources.get(candidate.source) if candidate.source is not None else None
        return own or (self._documents.get(document) if document is not None else None)

    def ties(self, candidate: Candidate) -> set[str]:
        """What ties a row to others: rows with a tie in common stay together. Own rows tie by `place` already."""
        ties = {f"row {candidate.id}"} | {f"row {parent}" for parent in candidate.origin.parents if parent not in self._rows}
        if candidate.origin.passage is not None:
            ties.add(f"passage {candidate.origin.passage}")
        from_document = candidate.origin.passage is not None or candidate.origin.span is not None
        if candidate.source is not None and (self._documents or not from_document):
            ties.add(f"source {candidate.source}")
        return ties


def _divided(
    own: Splits, made: Mapping[int, Candidate], family: _Family, shares: Mapping[SplitName, float], config: SplitConfig
) -> dict[int, SplitName]:
    """A split for every row: that of its relatives, else of nearly equal rows, else where rows are missing."""
    positions = list(made)
    tied = _joined_by(positions, [family.ties(made[position]) for position in positions])
    near = _near(own, made, config.near_duplicate)
    anchors = _inherited({position: family.place(candidate) for position, candidate in made.items()}, tied)
    alike = _inherited(anchors, near.labels, near.own)
    free = [position for position in positions if anchors[position] is None]
    whole = _joined_by(free, [{f"tied {tied[position]}", f"near {near.labels[position]}"} for position in free])
    anchors |= _inherited({position: alike[position] for position in free}, whole)
    groups = _groups([position for position in free if anchors[position] is None], whole, made, config.seed)
    placed = {position: name if name in shares else "train" for position, name in anchors.items() if name is not None}
    if groups:
        for name, group in deal(groups, _missing(own, placed.values(), len(made) - len(placed), shares)):
            placed |= dict.fromkeys(group.members, name)
    return dict(sorted(placed.items()))


@dataclass(frozen=True)
class _Near:
    """Nearly equal inputs: a label per made row, and where own rows of a label are."""

    labels: dict[int, int]
    own: dict[int, SplitName]


def _near(own: Splits, made: Mapping[int, Candidate], threshold: float) -> _Near:
    places: list[SplitName] = [name for name in SPLIT_NAMES for _ in own.get(name, ())]
    inputs = [row.input for name in SPLIT_NAMES for row in own.get(name, ())]
    labels = group_similar([*inputs, *(candidate.input for candidate in made.values())], threshold)
    known = dict(zip(reversed(labels[: len(places)]), reversed(places), strict=True))
    return _Near(dict(zip(made, labels[len(places) :], strict=True)), known)


def _joined_by(positions: Sequence[int], ties: Sequence[set[str]]) -> dict[int, int]:
    """Position → the first position it is tied to, directly or through others."""
    leader = {position: position for position in positions}

    def root(position: int) -> int:
        while leader[position] != position:
            leader[position] = leader[leader[position]]
            position = leader[position]
        return position

    first: dict[str, int] = {}
    for position, own_ties in zip(positions, ties, strict=True):
        for tie in own_ties:
            one, two = sorted((root(position), root(first.setdefault(tie, position))))
            leader[two] = one
    return {position: root(position) for position in positions}


def _inherited(
    anchors: Mapping[int, SplitName | None], labels: Mapping[int, int], known: Mapping[int, SplitName] | None = None
) -> dict[int, SplitName | None]:
    """Rows without a split get that of those with the same label; of several, the first."""
    found: dict[int, SplitName] = dict(known or {})
    for position, name in anchors.items():
        label = labels[position]
        if name is not None and (label not in found or SPLIT_NAMES.index(name) < SPLIT_NAMES.index(found[label])):
            found[label] = name
    return {position: name or found.get(labels[position]) for position, name in anchors.items()}


def _groups(positions: Sequence[int], whole: Mapping[int, int], made: Mapping[int, Candidate], seed: int) -> list[Group[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for position in positions:
        members[whole[position]].append(position)
    groups = []
    for grouped in members.values():
        order, first = min((row_key(made[position].example(), seed), position) for position in grouped)
        groups.append(Group(grouped, made[first].output, order))
    return groups


def _missing(own: Splits, placed: Iterable[SplitName], free: int, shares: Mapping[SplitName, float]) -> dict[SplitName, float]:
    there = Counter(placed) + Counter({name: len(own.get(name, ())) for name in shares})
    total, whole = free + sum(there.values()), sum(shares.values())
    return {name: share / whole * total - there[name] for name, share in shares.items()}


def _leaks(
    own: Splits, made: Sequence[Candidate], placed: Mapping[int, SplitName], name: SplitName, threshold: float
) -> Iterator[tuple[int, RowError]]:
    """Made rows of split `name` that nearly stand in another split: in one that judges it, or among the own rows of any."""
    positions = [position for position, split in placed.items() if split == name]
    inputs = [made[position].input for position in positions]
    for other in (other for other in SPLIT_NAMES if other != name):  # test last: of two reasons the graver one counts
        known = [row.input for row in own.get(other, ())]
        if SPLIT_NAMES.index(other) > SPLIT_NAMES.index(name):
            known += [made[position].input for position, split in placed.items() if split == other]
        matches = match_similar(inputs, known, threshold) if known else []
        for position in (position for position, match in zip(positions, matches, strict=False) if match is not None):
            yield position, _leak(other, f"its input is the same, or nearly, as that of a row of {other}")


def _made_after_leaks(
    made: Sequence[Candidate], placed: Mapping[int, SplitName], dropped: Mapping[int, RowError]
) -> Iterator[tuple[int, RowError]]:
    """Rows made from a row that was dropped as a leak, for instance its translations, which no comparison would find."""
    leaked = {made[position].id: fault.reason for position, fault in dropped.items() if fault.reason in _LEAKS}
    for position in placed:
        if parent := next((parent for parent in made[position].origin.parents if parent in leaked), None):
            yield position, RowError(leaked[parent], "the row it was made from is a leak")


def _leak(split: SplitName, detail: str) -> RowError:
    if split == "test":
        return RowError(LEAK, detail)
    return RowError("leaks_into_dev", detail) if split == "dev" else RowError("stands_in_train", detail)
