"""A data file as rows, before anybody asked what the rows mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anytasktune.schema import DroppedRow

Container = Literal["jsonl", "json", "csv", "tsv", "parquet", "xlsx"]

MAX_CHARACTERS = 1_000_000
"""A longer row is no example of any task, and not worth the memory."""


class RowError(Exception):
    """A row cannot be used; `reason` is the name such rows are counted by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def at(self, file: str, number: int) -> DroppedRow:
        """The record of this row being dropped."""
        return DroppedRow(file=file, row=number, reason=self.reason, detail=self.detail)


@dataclass(frozen=True)
class RawRow:
    """One record: its place in the file and its fields by name."""

    number: int
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class RawFile:
    """All records of a file, the readable and the others.

    Attributes:
        container: how records are written in the file.
        rows: the records that could be read.
        dropped: the others.
        notes: what the reader had to find out, e.g. the encoding.
    """

    container: Container
    rows: list[RawRow]
    dropped: list[DroppedRow]
    notes: tuple[str, ...] = ()


def require_clean(text: str) -> None:
    """Raise RowError if `text` is too long, or holds characters that stand for damage."""
    if len(text) > MAX_CHARACTERS:
        raise RowError("too_long", f"longer than {MAX_CHARACTERS:,} characters")
    if "\0" in text:
        raise RowError("nul_byte", f"a NUL character at position {text.index(chr(0)) + 1}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RowError("bad_encoding", f"half of a character (a lone surrogate) at position {error.start + 1}") from None
