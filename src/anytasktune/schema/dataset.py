"""A data set: frozen splits of one task, named by their content."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact, Name, Record, Usage
from anytasktune.schema.candidate import CandidateCounts, Origin
from anytasktune.schema.example import RowCounts
from anytasktune.schema.kept_answers import TeacherUsage
from anytasktune.settings import SplitConfig

SplitName = Literal["train", "dev", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "dev", "test")


class SplitInfo(Record):
    """One split of a data set."""

    rows: int
    sha256: str
    """Hash of the split's JSONL file."""


class Lineage(Record):
    """Lineage of a generated row of a data set: a line of `lineage.jsonl`."""

    example: str
    """Id of the row."""
    split: SplitName
    candidate: str
    """Id of the candidate; another one than `example` where a person edited it."""
    gated: str
    """Id of the gated set it comes from."""
    origin: Origin
    decision: Literal["unseen", "accepted", "edited"] = "unseen"
    """Outcome of its review; `unseen`: not reviewed."""
    reviewers: tuple[str, ...] = ()
    overruled: str = ""
    """The gate that had dropped it, where a reviewer restored it."""
    page: int | None = None
    """Page of the document, where the row is from a passage and the format has pages."""
    heading: tuple[str, ...] = ()
    """The headings above the passage."""
    quote: str = ""
    """The words of the document it rests on."""


class GeneratedRows(Record):
    """The rows of a data set that come from a teacher, and how they were generated."""

    gated: str
    """Id of the gated set they come from."""
    candidate_sets: list[str]
    seals: list[str]
    """The seals that held while they were generated."""
    passages: list[str] = Field(default_factory=list)
    """Ids of the passage sets they are from."""
    teachers: list[str] = Field(default_factory=list)
    judge: str = ""
    rows: dict[SplitName, int]
    """Generated rows per split; all other rows are the user's own."""
    split_by: Literal["", "document", "passage"] = ""
    """Unit that stays in one split. Empty: all generated rows are in train."""
    counts: CandidateCounts
    """Account of all candidates, up to here."""
    decisions: dict[str, int] = Field(default_factory=dict)
    """Reviews of the kept candidates: number of `unseen`, `accepted`, `edited`, `rejected`, ..."""
    usage: TeacherUsage = TeacherUsage()
    """Of generating and judging all candidates."""
    sha256: str = ""
    """Hash of `lineage.jsonl`."""


class DatasetManifest(Artifact):
    """Sources, splits and counts of a frozen data set."""

    id: str
    task: Name
    splits: dict[SplitName, SplitInfo]
    counts: RowCounts
    """Of the rows read from the sources."""
    sources: dict[str, str]
    """File → SHA-256 of what was read."""
    split_by: Literal["given", "grouped"]
    """`given`: the sources came split. `grouped`: split here, rows of one source and near-duplicates together."""
    config: SplitConfig
    code_version: str
    usage: Usage = Usage()
    generated: GeneratedRows | None = None
    """The rows among them that come from a teacher; None: all rows are the user's own."""

    def generated_in(self, split: SplitName) -> int:
        """Number of generated rows in a split."""
        return self.generated.rows.get(split, 0) if self.generated else 0
