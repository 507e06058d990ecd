"""Two versions of a task's data set, compared row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from anytasktune.datasets.dataset_facts import label_counts
from anytasktune.datasets.freeze import FrozenDataset
from anytasktune.schema import SPLIT_NAMES, Example, SplitName, Task


class Placed(NamedTuple):
    """A row and the split it is in."""

    split: SplitName
    row: Example


@dataclass(frozen=True)
class Moved:
    """A row that is in another split now."""

    row: Example
    before: SplitName
    now: SplitName


@dataclass(frozen=True)
class Changed:
    """An input that is answered differently now; the splits may differ, too."""

    before: Placed
    now: Placed


@dataclass(frozen=True)
class Counts:
    """A number before and now."""

    before: int
    now: int


@dataclass(frozen=True)
class DatasetDiff:
    """The rows of one version compared with those of another.

    Attributes:
        old, new: ids of the versions.
        added: rows whose input was not there before.
        removed: rows whose input is not there any more.
        moved: rows that were there in another split.
        changed: inputs with another answer.
        rows: split → number of rows.
        generated: split → number of generated rows.
        labels: label → number of rows in all splits; empty where there is no closed list.
    """

    old: str
    new: str
    added: Sequence[Placed]
    removed: Sequence[Placed]
    moved: Sequence[Moved]
    changed: Sequence[Changed]
    rows: dict[SplitName, Counts]
    generated: dict[SplitName, Counts]
    labels: dict[str, Counts]

    @property
    def is_same(self) -> bool:
        """Whether both hold the same rows in the same splits."""
        return not (self.added or self.removed or self.moved or self.changed)


def compare(task: Task, old: FrozenDataset, new: FrozenDataset) -> DatasetDiff:
    """The changes from `old` to `new`. Rows are the same if input, output and language are; answers are compared by input."""
    before, now = _placed(old), _placed(new)
    both = [key for key in now if key in before]
    gone = {_question(place.row): key for key, place in before.items() if key not in now}
    fresh = {_question(place.row): key for key, place in now.items() if key not in before}
    answered = [question for question in fresh if question in gone]
    renewed = {fresh[question] for question in answered} | {gone[question] for question in answered}
    splits = [name for name in SPLIT_NAMES if name in old.splits or name in new.splits]
    labels = [label_counts(task, (row for rows in frozen.splits.values() for row in rows)) for frozen in (old, new)]
    return DatasetDiff(
        old=old.manifest.id,
        new=new.manifest.id,
        added=[place for key, place in now.items() if key not in before and key not in renewed],
        removed=[place for key, place in before.items() if key not in now and key not in renewed],
        moved=[Moved(now[key].row, before[key].split, now[key].split) for key in both if before[key].split != now[key].split],
        changed=[Changed(before[gone[question]], now[fresh[question]]) for question in answered],
        rows={name: Counts(len(old.splits.get(name, ())), len(new.splits.get(name, ()))) for name in splits},
        generated={name: Counts(old.manifest.generated_in(name), new.manifest.generated_in(name)) for name in splits},
        labels={
            label: Counts(labels[0].get(label, 0), labels[1].get(label, 0)) for label in dict.fromkeys([*labels[1], *labels[0]])
        },
    )


def _placed(frozen: FrozenDataset) -> dict[str, Placed]:
    return {row.id: Placed(name, row) for name in SPLIT_NAMES for row in frozen.splits.get(name, ())}


def _question(row: Example) -> tuple[str, str | None]:
    return row.input, row.language
