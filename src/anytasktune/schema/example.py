"""Examples, and dropped rows."""

from pydantic import Field

from anytasktune.ids import content_id
from anytasktune.records import Artifact, Language, Record


class Example(Record):
    """Input → output for one task in one language, with where it came from."""

    input: str = Field(min_length=1)
    output: str
    language: Language | None = None
    """None: the task's first language."""
    source: str | None = None
    """Source of the row (a document, a dialogue): rows of one source stay in one split."""

    @property
    def id(self) -> str:
        """Hash of input, output and language, wherever the row stands."""
        return content_id([self.input, self.output, self.language])


class DroppedRow(Record):
    """A row that was read and not kept."""

    file: str
    row: int
    """1-based line number in line formats, 1-based record number otherwise."""
    reason: str
    """A short snake_case name rows are counted by, e.g. `bad_json`, `unknown_label`, `empty_input`."""
    detail: str = ""


class DroppedRows(Artifact):
    """The rows that were not kept when a data set was made."""

    id: str
    """What the data set was made from."""
    rows: tuple[DroppedRow, ...] = ()


class RowCounts(Record):
    """Account of all rows: `read == kept + sum(dropped.values())`, always."""

    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    """Number of rows by reason."""

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items()))
        dropped = sum(self.dropped.values())
        return f"read {self.read}, kept {self.kept}, dropped {dropped}" + (f" ({reasons})" if reasons else "")
