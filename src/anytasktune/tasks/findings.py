"""Findings of the review of a Task Pool: code, place, reason, and correction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anytasktune.outputs.output_remarks import Level, Remark
from anytasktune.records import Language
from anytasktune.schema import Example, Task

At = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """One finding of the review of a pool.

    Attributes:
        code: a short snake_case name.
        level: see `Level`.
        why: what is wrong and why it matters.
        instead: what to write instead.
        at: path in `domain.yaml`, tasks and actions by name; empty for a finding about a row.
        place: where a person finds it: `data/FILE:row`, or `domain.yaml:line` once `placed`.
    """

    code: str
    level: Level
    why: str
    instead: str
    at: At = ()
    place: str = ""

    @classmethod
    def of(cls, remark: Remark, at: At) -> "Finding":
        """A remark on the output of a task, at its place in `domain.yaml`."""
        return cls(remark.code, remark.level, remark.why, remark.instead, at)

    def placed(self, place: str) -> "Finding":
        """Copy with its place."""
        return replace(self, place=place)


@dataclass(frozen=True)
class PlacedRow:
    """A row of a task and where it stands."""

    place: str
    example: Example


def rows_in(task: Task, rows: Sequence[PlacedRow], language: Language) -> list[PlacedRow]:
    """The rows that are handled in `language`."""
    return [row for row in rows if task.language_of(row.example.language) == language]
