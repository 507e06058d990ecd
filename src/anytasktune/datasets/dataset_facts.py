"""What a data set holds, counted and measured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.datasets.freeze import FrozenDataset
from anytasktune.schema import Example, SplitName, Task

OWN = "own"
"""The origin of the user's own rows, beside the kinds of generated ones."""
MOST_BINS = 12


@dataclass(frozen=True)
class Lengths:
    """Lengths of texts in characters.

    Attributes:
        shortest, median, longest: 0 without texts.
        bins: (from, up to, number of texts) of a histogram with steps of 1, 2 or 5 times a power of ten.
    """

    shortest: int
    median: int
    longest: int
    bins: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class SplitFacts:
    """One split: rows by language, by origin (`own` for the user's), by label, and how long their texts are."""

    rows: int
    languages: Mapping[str, int]
    origins: Mapping[str, int]
    labels: Mapping[str, int]
    inputs: Lengths
    outputs: Lengths

    @property
    def made(self) -> int:
        """How many rows a teacher made."""
        return self.rows - self.origins.get(OWN, 0)


def measure(task: Task, frozen: FrozenDataset) -> dict[SplitName, SplitFacts]:
    """The facts of every split."""
    kinds = {(line.split, line.example): line.origin.kind for line in frozen.lineage}
    return {
        name: SplitFacts(
            rows=len(rows),
            languages=_counted(task.language_of(row.language) for row in rows),
            origins=_counted(kinds.get((name, row.id), OWN) for row in rows),
            labels=label_counts(task, rows),
            inputs=lengths([len(row.input) for row in rows]),
            outputs=lengths([len(row.output) for row in rows]),
        )
        for name, rows in frozen.splits.items()
    }


def label_counts(task: Task, rows: Iterable[Example]) -> dict[str, int]:
    """How often each label, item of a closed list or number occurs, the commonest first; empty for other outputs.

    A number with many values is counted in ranges of whole numbers.
    """
    rows = list(rows)
    if numbers := [number for row in rows if (number := task.output.number_of(row.output)) is not None]:
        return _number_counts(numbers)
    return _counted(label for row in rows for label in task.output.chosen(row.output, task.language_of(row.language)))


def lengths(values: Sequence[int]) -> Lengths:
    """Least, middle and greatest of some lengths, and their histogram."""
    if not values:
        return Lengths(0, 0, 0, ())
    ordered = sorted(values)
    step = _step(ordered[-1])
    counts = Counter(value // step for value in values)
    bins = tuple((place * step, (place + 1) * step, counts[place]) for place in range(min(counts), max(counts) + 1))
    return Lengths(ordered[0], ordered[len(ordered) // 2], ordered[-1], bins)


def _step(longest: int) -> int:
    """The smallest of 1, 2, 5 times a power of ten that needs at most `MOST_BINS` bins."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if longest // (factor * power) < MOST_BINS:
                return factor * power
        power *= 10


def _number_counts(numbers: Sequence[float]) -> dict[str, int]:
    counts = Counter(numbers)
    if len(counts) <= MOST_BINS:
        return {f"{number:g}": counts[number] for number in sorted(counts)}
    low, high = int(min(counts)), int(max(counts))
    step = _step(high - low)
    ranges = Counter((int(number) - low) // step for number in numbers)
    return {f"{low + place * step}…{low + (place + 1) * step}": ranges[place] for place in range(max(ranges) + 1)}


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
