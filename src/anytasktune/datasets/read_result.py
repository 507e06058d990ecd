"""Result of reading a file: the examples, and an account of all other rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from anytasktune.datasets.raw_rows import RowError
from anytasktune.errors import DataError, Problem
from anytasktune.schema import DroppedRow, Example, RowCounts

_SHOWN = 3


@dataclass(frozen=True)
class ReadResult:
    """The examples of a file and what became of its other rows.

    Attributes:
        examples: the rows that were kept, in the order of the file.
        dropped: the others, in the order of the file.
        counts: both, counted.
        format: `jsonl`, `json`, `csv`, `tsv` or `parquet`; or the layout, where it is `alpaca`, `sharegpt` or `messages`.
        file: the file as it was given.
        rows: for each example the line or record it was read from, 1-based.
        instruction: the instruction or system message that all rows had; empty if none.
        notes: what the user should know, a sentence each.
    """

    examples: list[Example]
    dropped: list[DroppedRow]
    counts: RowCounts
    format: str
    file: str
    rows: list[int]
    instruction: str = ""
    notes: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """All notes in one line."""
        return "; ".join(self.notes)

    def without(self, faults: Mapping[int, RowError]) -> "ReadResult":
        """The same with some examples dropped: position in `examples` → why."""
        gone = [fault.at(self.file, self.rows[position]) for position, fault in faults.items()]
        dropped = in_file_order([*self.dropped, *gone])
        kept = [position for position in range(len(self.examples)) if position not in faults]
        examples = [self.examples[position] for position in kept]
        rows = [self.rows[position] for position in kept]
        return replace(self, examples=examples, rows=rows, dropped=dropped, counts=count_rows(examples, dropped))

    def require_rows(self) -> "ReadResult":
        """Itself; DataError with the reasons and the first faulty rows if no example is left."""
        if self.examples:
            return self
        if not self.dropped:
            raise DataError("there are no rows in it", where=self.file, fix="check that it is the right file")
        summary = Problem(
            f"none of its rows can be used: {self.counts}", where=self.file, fix="mend these and others like them"
        )
        first = [Problem(f"{row.reason}: {row.detail}", where=f"{row.file}:{row.row}") for row in self.dropped[:_SHOWN]]
        raise DataError([summary, *first])


def in_file_order(dropped: Iterable[DroppedRow]) -> list[DroppedRow]:
    """Dropped rows of one file, the first row first."""
    return sorted(dropped, key=lambda row: row.row)


def count_rows(examples: Sequence[Example], dropped: Sequence[DroppedRow]) -> RowCounts:
    """Kept and dropped rows, counted."""
    reasons = Counter(row.reason for row in dropped)
    return RowCounts(read=len(examples) + len(dropped), kept=len(examples), dropped=dict(sorted(reasons.items())))


def total_counts(counts: Iterable[RowCounts]) -> RowCounts:
    """The sum over several files."""
    every = list(counts)
    dropped = sum((Counter(count.dropped) for count in every), Counter[str]())
    read, kept = sum(count.read for count in every), sum(count.kept for count in every)
    return RowCounts(read=read, kept=kept, dropped=dict(sorted(dropped.items())))
